// Every npm script starts here, in plain JavaScript that any Node from 20 on can read: it installs what the lock file
// names if that has not been done, then hands over to the Node version that the lock file pins.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './child.js'
import { install, isInstalled } from './install.js'
import { root, say, target } from './place.js'

const scripts = {
  start: 'examples/provision-users/start.ts',
  provision: 'examples/provision-users/provision.ts',
  tomte: 'packages/cli/src/bin.ts',
  test: 'tools/test.ts',
  ok: 'tools/ok.ts',
  format: 'tools/format.ts',
  bench: 'bench/run.ts',
  drill: 'drills/run.ts',
  build: 'tools/build.ts',
}

const executable = process.platform === 'win32' ? 'node.exe' : 'node'
const pinnedNode = join(root, 'node_modules', `node-${target}`, 'bin', executable)

async function main(name, ...args) {
  if (!Object.hasOwn(scripts, name ?? '')) {
    say(`Cannot run '${name ?? ''}': expected one of ${Object.keys(scripts).join(', ')}`)
    return 2
  }
  const code = isInstalled() ? 0 : await install()
  if (code !== 0) return code
  const node = existsSync(pinnedNode) ? [pinnedNode] : []
  if (Number.parseInt(process.versions.node) >= 24) node.push(process.execPath)
  for (const path of node) {
    try {
      return await run(path, ['--conditions=@tomte/source', join(root, scripts[name]), ...args], {
        stdio: 'inherit',
      })
    } catch {
      // A machine without glibc has the file and cannot start it; its own Node may do.
    }
  }
  say(
    `Cannot start without Node 24 or later: found ${process.version} on ${target}, and no package node-${target} that runs here`,
  )
  return 1
}

process.exit(await main(...process.argv.slice(2)))
