// npm run drill                            lists the drills
// npm run drill -- NAME [--seed N]         runs one and prints a table
// npm run drill -- NAME [--seed N] --json  prints one JSON document on standard output
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type DrillOptions, type DrillResult, table } from './row.ts'

const SUFFIX = '.drill.ts'
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
  .sort()

interface Wanted {
  readonly name: string | undefined
  readonly seed: number
  readonly json: boolean
}

/** Reads the command line, or says in a sentence what is wrong with it. */
function wanted(args: readonly string[]): Wanted | string {
  try {
    const options = {
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    } as const
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const [name, ...rest] = positionals
    if (rest.length > 0 || (name !== undefined && !names.includes(name)))
      return `Cannot run drill '${positionals.join(' ')}': expected one of ${names.join(', ')}`
    const seed = Number(values.seed)
    if (!Number.isSafeInteger(seed) || seed < 0)
      return `Cannot use the seed '${values.seed}': expected a whole number, such as 1`
    return { name, seed, json: values.json }
  } catch (error) {
    return `Cannot run a drill: ${error instanceof Error ? error.message : String(error)}`
  }
}

async function main(args: readonly string[]): Promise<number> {
  const found = wanted(args)
  if (typeof found === 'string') {
    process.stderr.write(`${found}\n`)
    return 2
  }
  const { name, seed, json } = found
  if (name === undefined) {
    process.stdout.write(json ? `${JSON.stringify({ drills: names })}\n` : `${names.join('\n')}\n`)
    return 0
  }
  const module = (await import(`./${name}${SUFFIX}`)) as {
    drill: (options: DrillOptions) => Promise<DrillResult>
  }
  const { drill, rows } = await module.drill({ seed })
  const document = JSON.stringify({ drill, node: process.version, seed, rows })
  const text = `${drill}, seed ${seed}, on Node ${process.version}\n\n${table(rows)}`
  process.stdout.write(`${json ? document : text}\n`)
  return rows.every(({ met }) => met) ? 0 : 1
}

// A drill may leave connections open; nothing after it matters.
process.exit(await main(process.argv.slice(2)))
