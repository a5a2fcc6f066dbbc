// Another identity provider for the tests: real TLS on this machine, whose documents a test may spoil.
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeLocalAuthority, makeServerCertificate, type CertifiedKey } from '../tls/certificates.ts'
import type { Json } from '../test-support.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** What a path answers: an object becomes JSON; a function has the response to itself. */
type Page = Json | ((response: ServerResponse) => void)

export interface Issuer {
  readonly url: string
  /** The certificate authority to trust. */
  readonly ca: string
  /** The paths that were asked for, in order. */
  readonly asked: string[]
  /** Puts a document below the issuer's URL. */
  put(path: string, page: Page): void
  close(): void
}

export const CONFIGURATION = '/.well-known/openid-configuration'
export const KEYS = '/keys'

/** Starts an issuer without keys, which answers 404 to all but its discovery and keys documents. */
export async function startIssuer(nowMs: number): Promise<Issuer> {
  const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + DAY_MS }
  const authority = await makeLocalAuthority('issuers of the tests', validity)
  const { certificate, privateKey } = await makeServerCertificate(authority, validity)
  const pages = new Map<string, Page>()
  const asked: string[] = []
  const server = createServer({ cert: certificate, key: privateKey }, ({ url: path = '' }, response) => {
    asked.push(path)
    const page = pages.get(path)
    if (typeof page === 'function') return page(response)
    response.writeHead(page ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(page ?? {}))
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  pages.set(CONFIGURATION, { issuer: url, jwks_uri: `${url}${KEYS}` })
  pages.set(KEYS, { keys: [] })
  return {
    url,
    ca: authority.certificate,
    asked,
    put: (path, page) => void pages.set(path, page),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** The public half of a key as a keys document lists it. */
export const jwkOf = ({ certificate }: CertifiedKey, kid: string, changes: Json = {}): Json => ({
  ...createPublicKey(certificate).export({ format: 'jwk' }),
  kid,
  use: 'sig',
  alg: 'RS256',
  ...changes,
})
