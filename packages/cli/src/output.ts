import type { Writable } from 'node:stream'
import { type Failure, failureText } from './failure.ts'

/** Where a command writes: with `--json` one document on standard output, and people's text on standard error. */
export interface Output {
  readonly json: boolean
  /** A line for a person. */
  readonly say: (line: string) => void
  /** The command's result: the document, or the text a person reads instead. */
  readonly result: (document: object, text: string) => Promise<void>
  readonly failure: (failure: Failure) => Promise<void>
  /** Text that was asked for by itself, such as help. */
  readonly print: (text: string) => Promise<void>
  /** How much of a long work is done. */
  readonly progress: (done: number, total: number, what: string) => void
}

/** Does a command's work with the output that it prints to. */
export type Run = (work: (output: Output) => Promise<void>) => Promise<void>

const BAR_WIDTH = 30
const STEPS_WITHOUT_TERMINAL = 4

const ignored = () => {}

/** The output of this process; with `json`, standard output takes one document and nothing else. */
export function standardOutput(json: boolean): Output {
  const people = json ? process.stderr : process.stdout
  const bar = progressBar(process.stderr)
  // A line that nobody takes must not end the work; that the result could not be told is said at the end.
  for (const stream of [process.stdout, process.stderr]) stream.off('error', ignored).on('error', ignored)
  return {
    json,
    say(line) {
      bar.end()
      people.write(`${line}\n`)
    },
    async result(document, text) {
      bar.end()
      await written(process.stdout, json ? `${JSON.stringify(document)}\n` : `${text}\n`)
    },
    async failure(failure) {
      bar.end()
      process.stderr.write(failureText(failure))
      // It has been told above, and the exit code says it too.
      if (json) await written(process.stdout, `${JSON.stringify({ error: failure })}\n`).catch(() => {})
    },
    print: (text) => written(process.stdout, text),
    progress: (done, total, what) => bar.show(done, total, what),
  }
}

/** A bar that redraws itself on a terminal, and a few plain lines elsewhere. */
export function progressBar(stream: Writable & { readonly isTTY?: boolean }) {
  let open = false
  let said = ''
  return {
    show(done: number, total: number, what: string) {
      const share = total === 0 ? 1 : Math.min(done / total, 1)
      if (stream.isTTY) {
        const full = Math.round(share * BAR_WIDTH)
        const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`
        stream.write(
          `\r\u001B[K  ${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${done}/${total} ${what}`,
        )
        open = share < 1
        if (!open) stream.write('\n')
        return
      }
      const reached = Math.floor(share * STEPS_WITHOUT_TERMINAL)
      const line = `${what} ${reached}`
      if (line !== said && reached > 0) stream.write(`  ${done}/${total} ${what}\n`)
      said = line
    },
    end() {
      if (open) stream.write('\n')
      open = false
    },
  }
}

/** Writes and waits: a result that nobody received is a failure. */
function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (!error) return resolve()
      // After an earlier line has failed, the stream itself knows why.
      const cause = stream.errored ?? error
      const message = `Cannot write the result to standard output, as whoever reads it must take it all: ${cause.message}`
      reject(Object.assign(new Error(message, { cause }), { code: 'output_unwritable' }))
    })
  })
}
