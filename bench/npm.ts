import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const stampFile = join(import.meta.dirname, 'node_modules', '.tomte-lock')
const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(import.meta.dirname, 'package-lock.json')))
    .digest('hex')

/** Installs the peers that bench/package-lock.json names, unless that has been done. */
export async function installPeers(): Promise<void> {
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lockHash()) return
  process.stderr.write('bench: installing the peers that bench/package-lock.json names (npm ci)\n')
  await npm(['ci', '--no-audit', '--no-fund'], import.meta.dirname)
  writeFileSync(stampFile, lockHash())
}

/** Runs npm in a folder; what it says goes to standard error, as standard output may be one JSON document. */
export function npm(args: readonly string[], cwd: string): Promise<void> {
  const quiet = [...args, '--loglevel=error']
  const cli = process.env['npm_execpath'] ?? ''
  const options = { cwd, stdio: ['ignore', 2, 2] as ['ignore', number, number] }
  const child = cli.endsWith('npm-cli.js')
    ? spawn(process.execPath, [cli, ...quiet], options)
    : spawn(`npm ${quiet.map((arg) => JSON.stringify(arg)).join(' ')}`, [], { ...options, shell: true })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`Cannot measure: npm ${args[0]} ended with code ${code}`)),
    )
  })
}
