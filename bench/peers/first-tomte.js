// Ours in a fresh process; copied to the folder where the packed package is installed.
import { readFileSync } from 'node:fs'
import { AppIdentity, clientSecret } from '@tomte/client/tokens'

const [authorityHost, tenantId, clientId, secret, scope, caFile] = process.argv.slice(2)
const ca = readFileSync(caFile, 'utf8')
const credential = clientSecret(secret)
const identity = new AppIdentity({ tenantId, clientId, credential, authorityHost, ca })
const { token } = await identity.getToken(scope)
process.exit(token ? 0 : 1)
