// The web API that the daemon of the drills calls. It outlives the platform, whose keys it has got once, as an API does.
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { keyPem, makeCertificate, newEcKey } from '../packages/client/src/credential/test-support.ts'
import { httpsJson } from './https-json.ts'
import { AUDIENCE, type LocalPlatform } from './local-platform.ts'

export interface OrdersApi {
  readonly baseUrl: string
  /** The PEM certificate to trust. */
  readonly ca: string
  stop(): void
}

/** Starts the API: it answers whoever brings a token of the platform that is made out to it and has not expired. */
export async function startOrdersApi(platform: LocalPlatform, now: () => number): Promise<OrdersApi> {
  const keysUrl = `${platform.origin}/${platform.tenants[0]}/discovery/v2.0/keys`
  const keys = createLocalJWKSet((await httpsJson('GET', keysUrl, platform.ca)) as JSONWebKeySet)
  const { certificate, key } = makeCertificate(newEcKey(), {
    name: 'orders',
    host: 'localhost',
    notBefore: '2020-01-01T00:00:00Z',
    notAfter: '2049-12-31T00:00:00Z',
  })
  const accepts = async (authorization = '') => {
    const options = { audience: AUDIENCE, currentDate: new Date(now()), requiredClaims: ['exp', 'tid'] }
    return jwtVerify(authorization.replace(/^Bearer /, ''), keys, options).then(
      () => true,
      () => false,
    )
  }
  const server = createServer({ cert: certificate, key: keyPem(key) }, (incoming, response) => {
    void accepts(incoming.headers.authorization).then((accepted) => {
      response.writeHead(accepted ? 200 : 401, { 'content-type': 'application/json' })
      response.end('{"value":[]}')
    })
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `https://localhost:${port}/v1`,
    ca: certificate,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
