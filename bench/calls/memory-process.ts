// Reads a million users in a process of its own, and prints by how much its memory grew between page 10 and the end.
import { ours } from './clients.ts'

const [origin = '', users = '0'] = process.argv.slice(2)
const MIB = 1024 * 1024
const WARM_PAGES = 10

const { readFileSync } = await import('node:fs')
const ca = readFileSync(0, 'utf8')
const directory = ours({ origin, ca })
let [pages, count, before] = [0, 0, 0]
for await (const { items } of directory.pages('/users?$top=999').byPage()) {
  pages += 1
  count += items.length
  if (pages === WARM_PAGES) before = resident()
}
if (count !== Number(users)) throw new Error(`Cannot measure: read ${count} of ${users} users`)
process.stdout.write(JSON.stringify({ grownMib: (resident() - before) / MIB }))
process.exit()

function resident(): number {
  globalThis.gc?.()
  return process.memoryUsage.rss()
}
