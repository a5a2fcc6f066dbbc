// A program on an Azure host as Microsoft's own libraries make it, unmodified; run as a program of its own because both
// remember for good on which host they run. Prints the token's claims as one JSON document.
import { ManagedIdentityCredential } from '@azure/identity'
import { ManagedIdentityApplication } from '@azure/msal-node'
import { decodeJwt } from 'jose'

const [library, resource = '', clientId] = process.argv.slice(2)

async function tokenByIdentity(): Promise<string> {
  const credential = new ManagedIdentityCredential(clientId === undefined ? {} : { clientId })
  return (await credential.getToken(`${resource}/.default`)).token
}

async function tokenByMsal(): Promise<string> {
  const managedIdentityIdParams = clientId === undefined ? {} : { userAssignedClientId: clientId }
  const application = new ManagedIdentityApplication({ managedIdentityIdParams })
  return (await application.acquireToken({ resource })).accessToken
}

const token = library === 'msal' ? await tokenByMsal() : await tokenByIdentity()
process.stdout.write(JSON.stringify(decodeJwt(token)))
