// A program on an Azure host as Microsoft's own libraries make it, unmodified; run as a program of its own because both
// remember for good on which host they run. Prints the token's claims as one JSON document, and
// where msal-node says that it is.
import { ManagedIdentityCredential } from '@azure/identity'
import { ManagedIdentityApplication } from '@azure/msal-node'
import { decodeJwt } from 'jose'

const [library, resource = '', clientId] = process.argv.slice(2)

/** What a library was given, and where, if it tells. */
interface Given {
  readonly token: string
  readonly source?: string
}

async function givenToIdentity(): Promise<Given> {
  const credential = new ManagedIdentityCredential(clientId === undefined ? {} : { clientId })
  const { token } = await credential.getToken(`${resource}/.default`)
  return { token }
}

async function givenToMsal(): Promise<Given> {
  const managedIdentityIdParams = clientId === undefined ? {} : { userAssignedClientId: clientId }
  const application = new ManagedIdentityApplication({ managedIdentityIdParams })
  const { accessToken: token } = await application.acquireToken({ resource })
  return { token, source: application.getManagedIdentitySource() }
}

const { token, source } = library === 'msal' ? await givenToMsal() : await givenToIdentity()
process.stdout.write(JSON.stringify({ source, claims: decodeJwt(token) }))
