// An identity provider of another make, such as a cluster's: a discovery document and one key, over TLS.
import { createPublicKey } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { serverTls } from './tls-test-support.ts'

export interface StartedIssuer {
  readonly url: string
  /** PEM, of whoever vouches for its certificate. */
  readonly ca: string
  close(): void
}

export async function startIssuer(key: {
  readonly kid: string
  readonly publicKey: string
}): Promise<StartedIssuer> {
  const tls = serverTls()
  const jwk = {
    ...createPublicKey(key.publicKey).export({ format: 'jwk' }),
    kid: key.kid,
    use: 'sig',
    alg: 'RS256',
  }
  const server = createServer(tls, ({ url: path }, response) => {
    const documents: Readonly<Record<string, object>> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
      '/keys': { keys: [jwk] },
    }
    const document = documents[path ?? '']
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  return { url, ca: tls.ca, close: () => server.close().closeAllConnections() }
}
