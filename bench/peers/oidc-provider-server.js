// oidc-provider under its own documented settings: tokens as JWTs for a resource server, everything else as it comes, its
// store in memory. Lives until its standard input ends.
import { once } from 'node:events'
import { createServer } from 'node:https'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import Provider from 'oidc-provider'

const { BENCH_CA: ca, BENCH_KEY: key, BENCH_CLIENT: client_id, BENCH_SECRET: client_secret } = process.env
const resource = 'https://orders.example'
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const provider = new Provider('https://localhost', {
  clients: [
    { client_id, client_secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
  ],
  clientAuthMethods: ['client_secret_post'],
  clientDefaults: { token_endpoint_auth_method: 'client_secret_post' },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' }] },
  extraTokenClaims: () => ({ roles: ['Orders.Read.All'] }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      getResourceServerInfo: () => ({
        scope: 'read',
        audience: resource,
        accessTokenTTL: 3600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
})

const server = createServer({ cert: ca, key }, provider.callback())
server.listen(0, 'localhost')
await once(server, 'listening')
process.stdout.write(`${JSON.stringify({ port: server.address().port, ca })}\n`)
process.stdin.resume().on('end', () => process.exit())
