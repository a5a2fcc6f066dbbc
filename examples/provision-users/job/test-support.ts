// What the tables of the job's tests are written with.
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { readLines } from './lines.ts'
import { type CsvRecord, readRecords } from './records.ts'

/** A file of these bytes that is removed after the test. */
export async function fileOf(t: Pick<TestContext, 'after'>, content: string | Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-people-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'people.csv')
  await writeFile(file, content)
  return file
}

/** The lines that a file of these bytes is read as. */
export async function linesOf(t: Pick<TestContext, 'after'>, content: string | Buffer): Promise<string[]> {
  const handle = await open(await fileOf(t, content))
  try {
    return await collected(readLines(handle, 'people.csv'))
  } finally {
    await handle.close()
  }
}

/** The records that lines are put together to. */
export function recordsOf(lines: readonly string[], width = 0): Promise<CsvRecord[]> {
  async function* given() {
    yield* lines
  }
  return collected(readRecords(given(), () => width))
}

/** Random whole numbers below a limit that are the same for the same seed (mulberry32). */
export function seeded(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** All that an asynchronous iterable gives. */
export async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}
