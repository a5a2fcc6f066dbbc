// The servers of the bench, each with the requests that get a token from it.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { constants, createHash, randomUUID, sign, X509Certificate } from 'node:crypto'
import { keyPem, makeCertificate, newEcKey } from '../../packages/client/src/credential/test-support.ts'
import type { Cores } from './cores.ts'
import { tokenRequest } from './line.ts'
import type { Side } from './load.ts'
import { CLIENT, type Daemon, type Registered, RESOURCE, TENANT } from './registered.ts'
import { type MeasuredServer, startServer } from './server.ts'

const scope = `${RESOURCE}/.default`
const SERVER: Cores = '0'
const LOAD: Cores = '1'

const ACTIVE = 5000

const tokenPath = (tenantId: string) => `/${tenantId}/oauth2/v2.0/token`

const bySecret = (clientId: string, secret: string) => ({
  grant_type: 'client_credentials',
  client_id: clientId,
  scope,
  client_secret: secret,
})

/** The same request each time. */
const always = (request: string) => () => request

export async function bareSide({ secret }: Registered): Promise<Side> {
  const server = await startServer('floors/token-server.ts', SERVER)
  const request = tokenRequest(server.port, tokenPath(TENANT), bySecret(CLIENT, secret))
  return { server, load: LOAD, request: always(request) }
}

/** The platform on these cores, asked by the one daemon's secret. */
export async function platformSide({ one, secret }: Registered, cores: Cores, load: Cores): Promise<Side> {
  const server = await startServer('platform/platform-process.ts', cores, { BENCH_DATA: one })
  const request = tokenRequest(server.port, tokenPath(TENANT), bySecret(CLIENT, secret))
  return { server, load, request: always(request) }
}

/** The same server, asked by certificate: 500 assertions, each of which is good until it expires. */
export function certificateSide({ key }: Registered, server: MeasuredServer, nowMs: number): Side {
  const audience = `https://localhost:${server.port}/${TENANT}/oauth2/v2.0/token`
  const requests = Array.from({ length: 500 }, () =>
    tokenRequest(server.port, tokenPath(TENANT), {
      grant_type: 'client_credentials',
      client_id: CLIENT,
      scope,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion(key, audience, nowMs),
    }),
  )
  return { server, load: LOAD, request: (index) => requests[index % requests.length] ?? '' }
}

function assertion({ certificate, privateKey }: Registered['key'], audience: string, nowMs: number): string {
  const thumbprint = createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url')
  const now = Math.floor(nowMs / 1000)
  const claims = {
    aud: audience,
    iss: CLIENT,
    sub: CLIENT,
    jti: randomUUID(),
    nbf: now,
    iat: now,
    exp: now + 1200,
  }
  const header = { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint }
  const signed = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, ...padding }).toString('base64url')}`
}

/** The platform with all that is registered, asked by five daemons of each tenant. */
export function crowdSide(registered: Registered): Promise<Side> {
  const { daemons } = registered
  const active = daemons.filter((_, index) => index % (daemons.length / ACTIVE) === 0)
  return manySide(registered, active)
}

/** The platform with all that is registered, asked by each of these daemons in turn. */
export async function manySide({ many, secret }: Registered, daemons: readonly Daemon[]): Promise<Side> {
  const server = await startServer('platform/platform-process.ts', SERVER, { BENCH_DATA: many })
  const request = ({ tenantId, clientId }: Daemon) =>
    tokenRequest(server.port, tokenPath(tenantId), bySecret(clientId, secret))
  // A stride that shares no factor with their number visits each, and never a neighbour.
  const at = (index: number) => daemons[(index * 1009) % daemons.length]
  return {
    server,
    load: LOAD,
    request: (index) => {
      const daemon = at(index)
      if (!daemon) throw new RangeError('Cannot measure: nobody is registered')
      return request(daemon)
    },
  }
}

/** The others, each of which gets the same kind of key and the same secret. */
export async function rivalSides({
  secret,
  one,
}: Registered): Promise<{ oidcProvider: Side; mockServer: Side }> {
  const { certificate, key } = makeCertificate(newEcKey(), {
    name: 'bench rivals',
    host: 'localhost',
    notBefore: '2020-01-01T00:00:00Z',
    notAfter: '2049-12-31T00:00:00Z',
  })
  const [keyFile, certificateFile] = [join(one, 'rival-key.pem'), join(one, 'rival-certificate.pem')]
  await writeFile(keyFile, keyPem(key), { mode: 0o600 })
  await writeFile(certificateFile, certificate)
  const environment = {
    BENCH_CA: certificate,
    BENCH_KEY: keyPem(key),
    BENCH_CA_FILE: certificateFile,
    BENCH_KEY_FILE: keyFile,
    BENCH_CLIENT: CLIENT,
    BENCH_SECRET: secret,
  }
  const side = async (program: string, path: string, named: string): Promise<Side> => {
    const server = await startServer(program, SERVER, environment)
    const form = { ...bySecret(CLIENT, secret), scope: named }
    return { server, load: LOAD, request: always(tokenRequest(server.port, path, form)) }
  }
  return {
    oidcProvider: await side('peers/oidc-provider-server.js', '/token', 'read'),
    mockServer: await side('peers/oauth2-mock-server-server.js', '/token', scope),
  }
}
