import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './files.ts'

const BINARIES = {
  biome: '@biomejs/biome/bin/biome',
  oxlint: 'oxlint/bin/oxlint',
  tsc: 'typescript/bin/tsc',
} as const

/**
 * Gives the arguments that run one of our tools with this very Node. The scripts in `node_modules/.bin` would run
 * under the Node of the machine, and are no scripts at all on Windows.
 */
export function binary(name: keyof typeof BINARIES, ...args: string[]): string[] {
  return [join(root, 'node_modules', BINARIES[name]), ...args]
}

/** Runs this Node with the given arguments in the root, its output shown, and returns its exit code. */
export function runNode(args: readonly string[]): number {
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (error) throw error
  return status ?? 1
}
