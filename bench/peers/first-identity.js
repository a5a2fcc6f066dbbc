// @azure/identity in a fresh process; NODE_EXTRA_CA_CERTS names the certificate to trust.
import { ClientSecretCredential } from '@azure/identity'

const [authorityHost, tenant, client, secret, scope] = process.argv.slice(2)
const options = { authorityHost, disableInstanceDiscovery: true }
const { token } = await new ClientSecretCredential(tenant, client, secret, options).getToken(scope)
process.exit(token ? 0 : 1)
