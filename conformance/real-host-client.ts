// A daemon that has no option to be pointed elsewhere, with @azure/msal-node and @azure/identity unmodified. In place of a hosts
// file and port 443, its connections to the real login host are led to PORT of this machine; name, certificate and request are
// those of the real host. Prints the issuers of the tokens.
import tls, { type ConnectionOptions } from 'node:tls'

const { TENANT = '', CLIENT = '', SECRET = '', PORT = '', SCOPE = '' } = process.env as Record<string, string>
const HOST = 'login.microsoftonline.com'

const real = tls.connect
const led = (options: ConnectionOptions, ...rest: unknown[]) => {
  const toHost = options.host === HOST || options.servername === HOST
  const way = toHost ? { ...options, servername: HOST, host: 'localhost', port: Number(PORT) } : options
  return (real as (...all: unknown[]) => unknown)(way, ...rest)
}
Object.assign(tls, { connect: led })

const { ConfidentialClientApplication } = await import('@azure/msal-node')
const { ClientSecretCredential } = await import('@azure/identity')

const auth = { clientId: CLIENT, clientSecret: SECRET, authority: `https://${HOST}/${TENANT}` }
const msal = new ConfidentialClientApplication({ auth })
const first = await msal.acquireTokenByClientCredential({ scopes: [SCOPE] })
const second = await new ClientSecretCredential(TENANT, CLIENT, SECRET).getToken(SCOPE)
const issuerOf = (token = '') =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { iss: unknown }).iss
process.stdout.write(JSON.stringify([issuerOf(first?.accessToken), issuerOf(second.token)]))
