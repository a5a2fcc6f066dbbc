// An API that is guarded by other people's libraries, each as its documentation says; a program of its own because they find keys by
// NODE_EXTRA_CA_CERTS alone. Reads tokens from standard input, and prints what each library said of each: for its audience, and for
// another.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { JwtVerifier } from 'aws-jwt-verify'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { createRemoteJWKSet, jwtVerify } from 'jose'

interface Asked {
  readonly version: string
  readonly token: string
  readonly audience: string
}

interface Claims {
  readonly appid?: unknown
  readonly azp?: unknown
}

const { origin, tenantId, tokens } = JSON.parse(await text(process.stdin)) as {
  readonly origin: string
  readonly tenantId: string
  readonly tokens: readonly Asked[]
}

/** Where each version of tokens has its issuer, and that issuer its documents. */
const AUTHORITIES: Readonly<
  Record<string, { readonly issuer: string; readonly base: string; readonly keys: string }>
> = {
  '1.0': {
    issuer: `https://sts.windows.net/${tenantId}/`,
    base: `${origin}/${tenantId}`,
    keys: `${origin}/${tenantId}/discovery/keys`,
  },
  '2.0': {
    issuer: `${origin}/${tenantId}/v2.0`,
    base: `${origin}/${tenantId}/v2.0`,
    keys: `${origin}/${tenantId}/discovery/v2.0/keys`,
  },
}

function authorityOf(version: string) {
  const authority = AUTHORITIES[version]
  if (authority) return authority
  throw new RangeError(`Cannot judge a token, as its version must be 1.0 or 2.0: found ${version}`)
}

const OTHER = 'api://invoices'

const callerOf = (claims: object) => {
  const { appid, azp } = claims as Claims
  return String(appid ?? azp)
}

type Verify = (asked: Asked, audience: string) => Promise<string>

const LIBRARIES: Readonly<Record<string, Verify>> = {
  jose: async ({ version, token }, audience) => {
    const { issuer, keys } = authorityOf(version)
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(keys)), { issuer, audience })
    return callerOf(payload)
  },
  'aws-jwt-verify': async ({ version, token }, audience) => {
    const { issuer, keys } = authorityOf(version)
    const verifier = JwtVerifier.create({ issuer, audience, jwksUri: keys })
    return callerOf(await verifier.verify(token))
  },
  'express-oauth2-jwt-bearer': async ({ version, token }, audience) => {
    const { base } = authorityOf(version)
    const app = express()
    app.use(auth({ issuerBaseURL: base, audience, tokenSigningAlg: 'RS256' }))
    app.get('/', (incoming, outgoing) => {
      const { auth: admitted } = incoming as unknown as { readonly auth: { readonly payload: object } }
      outgoing.end(JSON.stringify(admitted.payload))
    })
    app.use((error: unknown, _incoming, outgoing, _next) => {
      const { status, code } = error as { readonly status: number; readonly code: string }
      outgoing.writeHead(status).end(JSON.stringify(code))
    })
    const server = createServer(app)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const outgoing = request({
      port,
      host: '127.0.0.1',
      agent: false,
      headers: { authorization: `Bearer ${token}` },
    })
    outgoing.end()
    const [response] = (await once(outgoing, 'response')) as [NodeJS.ReadableStream & { statusCode: number }]
    const body = JSON.parse(await text(response)) as Claims | string
    server.close()
    return typeof body === 'string' ? `${response.statusCode} ${body}` : callerOf(body)
  },
}

async function said(verify: Verify, asked: Asked, audience: string): Promise<string> {
  try {
    return await verify(asked, audience)
  } catch (error) {
    const { code, constructor } = error as Error & { readonly code?: unknown }
    return typeof code === 'string' ? code : constructor.name
  }
}

const judged = []
for (const asked of tokens) {
  const row = []
  for (const [library, verify] of Object.entries(LIBRARIES))
    row.push({
      library,
      accepted: await said(verify, asked, asked.audience),
      refused: await said(verify, asked, OTHER),
    })
  judged.push(row)
}
process.stdout.write(JSON.stringify(judged))
