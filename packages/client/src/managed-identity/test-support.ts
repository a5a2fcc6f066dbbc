// The hosts of managed identities: real servers on this machine that answer as a test tells them to.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Environment } from '../config.ts'
import { type Answer, manualClock, type Received } from '../test-support.ts'
import { ManagedIdentity, type ManagedIdentityOptions } from './managed-identity.ts'

export const VAULT = 'https://vault.azure.net/.default'
export const USER_ASSIGNED = '66666666-ffff-4fff-8fff-000000000006'

export interface PlainServer {
  readonly origin: string
  readonly received: Received[]
}

/** Starts a server without TLS for one test; `answer` is asked for every request, counted from 1. */
export async function plainServer(
  t: Pick<TestContext, 'after'>,
  answer: (request: Received, number: number) => Answer,
): Promise<PlainServer> {
  const received: Received[] = []
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url: path = '', headers, rawHeaders } = incoming
      received.push({ method, path, headers, rawHeaders, body: Buffer.concat(chunks).toString() })
      const said = answer(received.at(-1) as Received, received.length)
      if (typeof said === 'function') return said(response)
      const { status = 200, headers: sent = {}, body = '' } = said
      response.writeHead(status, sent)
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, received }
}

/** An address at which nobody listens. */
export async function deadOrigin(): Promise<string> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}

/** A good answer, as the instance metadata service writes it: every value is a text. */
export const identityAnswer = (accessToken: string, expiresOn: unknown, facts: object = {}): Answer => ({
  body: { access_token: accessToken, expires_on: expiresOn, token_type: 'Bearer', ...facts },
})

/** Seconds since 1970, an hour after the clock's moment, as text. */
export const inAnHour = (clock: { readonly now: () => number }) => String(clock.now() / 1000 + 3600)

/** A managed identity by a clock that stands still. */
export function identityOn(environment: Environment, options: Partial<ManagedIdentityOptions> = {}) {
  const clock = manualClock()
  const identity = new ManagedIdentity({ environment, clock, random: () => 0, ...options })
  return { identity, clock }
}

/** The environment that leads to the instance metadata service at an origin. */
export const imdsAt = (origin: string): Environment => ({ AZURE_POD_IDENTITY_AUTHORITY_HOST: origin })
