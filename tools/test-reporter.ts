// The spec reporter, followed by what was skipped and why: a test that was silently skipped proves nothing.
import { relative } from 'node:path'
import { Readable } from 'node:stream'
import { spec, type TestEvent } from 'node:test/reporters'
import { root } from './files.ts'

const skipped: string[] = []

async function* noting(events: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent> {
  for await (const event of events) {
    if (event.type === 'test:pass' || event.type === 'test:fail') note(event.data)
    yield event
  }
}

function note({ skip, name, file }: { skip?: string | boolean; name: string; file?: string }): void {
  if (skip === undefined || skip === false) return
  const reason = typeof skip === 'string' && skip !== '' ? skip : 'no reason given'
  skipped.push(`${name} (${relative(root, file ?? '')}): ${reason}`)
}

export default async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  yield* Readable.from(noting(events)).pipe(new spec())
  if (skipped.length > 0) yield `\nSkipped:\n${skipped.map((line) => `  ${line}\n`).join('')}`
}
