// msal-node in a fresh process; NODE_EXTRA_CA_CERTS names the certificate to trust.
import { ConfidentialClientApplication } from '@azure/msal-node'

const [origin, tenant, clientId, clientSecret, scope] = process.argv.slice(2)
const authority = `${origin}/${tenant}`
const auth = { clientId, clientSecret, authority, knownAuthorities: [new URL(origin).host] }
const client = new ConfidentialClientApplication({ auth })
const answer = await client.acquireTokenByClientCredential({ scopes: [scope] })
process.exit(answer?.accessToken ? 0 : 1)
