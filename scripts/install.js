// Installs what the lock file names, once, however many launchers start together in a fresh clone.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from './child.js'
import { root, say, target } from './place.js'

const stampFile = join(root, 'node_modules', '.tomte-lock')
const installLock = join(root, '.npm-ci.lock')

const read = (...path) => (existsSync(join(...path)) ? readFileSync(join(...path), 'utf8') : '')
const stamp = () => `${createHash('sha256').update(read(root, 'package-lock.json')).digest('hex')} ${target}`

/** True after our own `npm ci`, and after one by hand, which npm records in a lock file of its own. */
export function isInstalled() {
  if (read(stampFile) === stamp()) return true
  const found = JSON.parse(read(root, 'node_modules', '.package-lock.json') || '{}').packages ?? {}
  const named = Object.entries(JSON.parse(read(root, 'package-lock.json')).packages)
  const has = ([path, { version }]) => found[path] && found[path].version === version
  return named.every((entry) => entry[0] === '' || entry[1].optional || has(entry))
}

/** Resolves when no other launcher installs; the lock of one that was killed does not count. */
async function takeLock() {
  for (let waits = 0; ; waits++) {
    try {
      return writeFileSync(installLock, String(process.pid), { flag: 'wx' })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const owner = Number(read(installLock))
    if (waits === 0) say(`waiting for process ${owner} to install, as ${installLock} says`)
    try {
      if (owner > 0) process.kill(owner, 0)
    } catch (error) {
      if (error.code === 'ESRCH') rmSync(installLock, { force: true })
    }
    await sleep(200)
  }
}

/** Resolves with the exit code of npm, or with 0 if another launcher has installed meanwhile. */
export async function install() {
  await takeLock()
  try {
    if (isInstalled()) return 0
    say('installing the packages that package-lock.json names (npm ci)')
    const args = ['ci', '--include=dev', '--include=optional', '--loglevel=error', '--no-audit', '--no-fund']
    const npm = process.env.npm_execpath ?? ''
    // npm writes to standard error, as standard output may be the JSON document of the program that follows.
    const options = { cwd: root, stdio: ['ignore', 2, 2] }
    const code = npm.endsWith('npm-cli.js')
      ? await run(process.execPath, [npm, ...args], options)
      : await run(`npm ${args.join(' ')}`, [], { ...options, shell: true })
    if (code === 0) writeFileSync(stampFile, stamp())
    return code
  } finally {
    rmSync(installLock, { force: true })
  }
}
