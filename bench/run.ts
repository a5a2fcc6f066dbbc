// npm run bench                   lists the benches
// npm run bench -- NAME           measures one and prints a table
// npm run bench -- NAME --json    prints one JSON document on standard output
import { readdirSync } from 'node:fs'
import { installPeers } from './peers-install.ts'
import { type BenchResult, table } from './row.ts'

const SUFFIX = '.bench.ts'
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
  .sort()

// What compares with nobody needs nothing installed.
const WITHOUT_PEERS: ReadonlySet<string> = new Set(['start', 'jobs'])

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json')
  const [name, ...rest] = args.filter((arg) => arg !== '--json')
  if (name === undefined) return list(json)
  if (!names.includes(name) || rest.length > 0) {
    process.stderr.write(
      `Cannot run bench '${[name, ...rest].join(' ')}': expected one of ${names.join(', ')}\n`,
    )
    return 2
  }
  if (!WITHOUT_PEERS.has(name)) await installPeers()
  const module = (await import(`./${name}${SUFFIX}`)) as { bench: () => Promise<BenchResult> }
  const { bench, rows } = await module.bench()
  const document = JSON.stringify({ bench, node: process.version, rows })
  process.stdout.write(json ? `${document}\n` : `${bench} on Node ${process.version}\n\n${table(rows)}\n`)
  return 0
}

function list(json: boolean): number {
  process.stdout.write(json ? `${JSON.stringify({ benches: names })}\n` : `${names.join('\n')}\n`)
  return 0
}

// A bench may leave connections open; nothing after it matters.
process.exit(await main(process.argv.slice(2)))
