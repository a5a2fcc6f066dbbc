import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm } from '../tools/npm.ts'

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
