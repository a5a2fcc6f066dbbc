// What every server that tests start needs: a port that is free, and the moment from which it answers.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Readable } from 'node:stream'

const START_LIMIT_MS = 30_000
const OUTPUT_SHOWN = 500

/** A loopback port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves when a server has printed `text`. @throws Error with its last words if it ends before, or takes 30 s. */
export function printed(server: ChildProcess, output: Readable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const fail = (how: string) => {
      clearTimeout(timer)
      server.kill('SIGKILL')
      reject(new Error(`${server.spawnfile} ${how}: ${heard.slice(-OUTPUT_SHOWN).trim()}`))
    }
    const timer = setTimeout(() => fail(`did not start in ${START_LIMIT_MS} ms`), START_LIMIT_MS)
    output.on('data', (chunk: Buffer) => {
      heard = (heard + chunk.toString()).slice(-10_000)
      if (!heard.includes(text)) return
      clearTimeout(timer)
      // It must not stand still because nobody reads what it prints.
      output.resume()
      resolve()
    })
    server.once('error', (error) => fail(error.message))
    server.once('exit', () => fail('ended'))
  })
}
