// Runs, in order of their cost, all that CI runs, and stops at the first step that fails. The house rules
// (tidy.test.ts) are part of the tests.
import { spawnSync } from 'node:child_process'
import { binary } from './binary.ts'
import { root } from './files.ts'

const steps: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['format', binary('biome', 'format')],
  ['lint', binary('oxlint')],
  ['types', binary('tsc', '-p', 'tsconfig.json')],
  ['tests', [...process.execArgv, 'tools/test.ts']],
]

/** Runs a step in silence and returns its exit code; a step that fails shows all that it printed. */
function runStep(name: string, args: readonly string[]): number {
  const startMs = performance.now()
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 } as const
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, options)
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  if (status !== 0) process.stdout.write(`${stdout}${stderr}${error?.message ?? ''}\n`)
  process.stdout.write(`${status === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(8)}${seconds.padStart(6)} s\n`)
  return status ?? 1
}

for (const [name, args] of steps) {
  process.exitCode = runStep(name, args)
  if (process.exitCode !== 0) break
}
