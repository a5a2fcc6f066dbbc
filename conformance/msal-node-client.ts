// A daemon as Microsoft's own library makes it, unmodified; run as a program of its own because NODE_EXTRA_CA_CERTS is read
// at start. Prints one JSON document.
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ConfidentialClientApplication } from '@azure/msal-node'

const {
  AZURE_TENANT_ID,
  AZURE_CLIENT_ID,
  AZURE_CLIENT_CERTIFICATE_PATH,
  AZURE_AUTHORITY_HOST,
  GRAPH_ENDPOINT,
} = process.env as Record<string, string>

const pem = await readFile(AZURE_CLIENT_CERTIFICATE_PATH ?? '', 'utf8')
const privateKey = /-----BEGIN PRIVATE KEY-----[\s\S]+-----END PRIVATE KEY-----/.exec(pem)?.[0] ?? ''
const certificate = new X509Certificate(pem)
const [thumbprint, thumbprintSha256] = [certificate.fingerprint, certificate.fingerprint256].map((text) =>
  text.replaceAll(':', ''),
)

// SHA-256 makes the library sign with PS256 and x5t#S256; SHA-1 with RS256 and x5t.
const credentials = { sha256: { thumbprintSha256, privateKey }, sha1: { thumbprint, privateKey } } as const

const client = new ConfidentialClientApplication({
  auth: {
    clientId: AZURE_CLIENT_ID ?? '',
    authority: `${AZURE_AUTHORITY_HOST}/${AZURE_TENANT_ID}`,
    knownAuthorities: [new URL(AZURE_AUTHORITY_HOST ?? '').host],
    clientCertificate: { ...credentials[process.argv[2] === 'sha1' ? 'sha1' : 'sha256'] } as never,
  },
})
const request = { scopes: ['https://graph.microsoft.com/.default'] }
const first = await client.acquireTokenByClientCredential(request)
const second = await client.acquireTokenByClientCredential(request)

const users: unknown[] = []
let next: string | undefined = `${GRAPH_ENDPOINT}/users?$top=2`
while (next !== undefined) {
  const response: Response = await fetch(next, { headers: { authorization: `Bearer ${first?.accessToken}` } })
  const page = (await response.json()) as { value: unknown[]; '@odata.nextLink'?: string }
  users.push(...page.value)
  next = page['@odata.nextLink']
}
process.stdout.write(
  JSON.stringify({
    tokenType: first?.tokenType,
    fromCache: [first?.fromCache, second?.fromCache],
    users: users.length,
  }),
)
