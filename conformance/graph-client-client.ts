// A directory administered by Microsoft's own JavaScript client, unmodified; run as a program of its own because
// NODE_EXTRA_CA_CERTS is read at start. Prints one JSON document.
import { ClientCertificateCredential } from '@azure/identity'
import {
  BatchRequestContent,
  BatchResponseContent,
  Client,
  GraphError,
  PageIterator,
} from '@microsoft/microsoft-graph-client'
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js'

const {
  AZURE_TENANT_ID = '',
  AZURE_CLIENT_ID = '',
  AZURE_CLIENT_CERTIFICATE_PATH = '',
  AZURE_AUTHORITY_HOST = '',
  GRAPH_ENDPOINT = '',
} = process.env

const credential = new ClientCertificateCredential(
  AZURE_TENANT_ID,
  AZURE_CLIENT_ID,
  AZURE_CLIENT_CERTIFICATE_PATH,
  {
    authorityHost: AZURE_AUTHORITY_HOST,
    disableInstanceDiscovery: true,
  },
)
const client = Client.initWithMiddleware({
  authProvider: new TokenCredentialAuthenticationProvider(credential, {
    scopes: ['https://graph.microsoft.com/.default'],
  }),
  baseUrl: GRAPH_ENDPOINT.replace(/\/v1\.0$/, ''),
  customHosts: new Set([new URL(GRAPH_ENDPOINT).hostname]),
})

type Json = Readonly<Record<string, unknown>>

const newUser = (name: string) => ({
  accountEnabled: true,
  displayName: `Person ${name}`,
  mailNickname: name,
  userPrincipalName: `${name}@contoso.example`,
  passwordProfile: { password: `${crypto.randomUUID()}A` },
})

/** Creates people by batches; what depends on a failure is not run. */
async function batches(): Promise<readonly unknown[]> {
  const post = (id: string, body: unknown, dependsOn?: string[]) => ({
    id,
    // The library cuts off scheme and host, and takes the rest for the path below the version.
    request: new Request(new URL('/users', GRAPH_ENDPOINT), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
    ...(dependsOn ? { dependsOn } : {}),
  })
  const run = async (requests: ConstructorParameters<typeof BatchRequestContent>[0]) => {
    const content = await new BatchRequestContent(requests).getContent()
    const response = new BatchResponseContent((await client.api('/$batch').post(content)) as never)
    return [...response.getResponses()].map(([id, { status }]) => [id, status])
  }
  return [
    ...(await run(Array.from({ length: 7 }, (_, n) => post(String(n), newUser(`person${n}`))))),
    ...(await run([post('twin', newUser('person0')), post('after', newUser('never'), ['twin'])])),
  ]
}

async function pages(): Promise<readonly string[]> {
  const names: string[] = []
  const first = await client.api('/users').select('mailNickname').top(2).get()
  await new PageIterator(client, first, ({ mailNickname }: Json) => {
    names.push(String(mailNickname))
    return true
  }).iterate()
  return names
}

async function delta(): Promise<object> {
  const changes: unknown[] = []
  const follow = async (link: string) => {
    const iterator = new PageIterator(
      client,
      await client.api(link).get(),
      (user: Json) => changes.push(user) > 0,
    )
    await iterator.iterate()
    return iterator.getDeltaLink() ?? ''
  }
  const link = await follow('/users/delta?$select=displayName')
  const before = changes.length
  const person = (await client.api('/users/person1@contoso.example').get()) as Json
  await client.api(`/users/${String(person['id'])}`).update({ displayName: 'Renamed' })
  await client.api('/users/person2@contoso.example').delete()
  await follow(link)
  return { before, after: changes.slice(before).map((change) => ({ ...(change as Json), id: undefined })) }
}

async function queries(): Promise<object> {
  const advanced = await client
    .api('/users')
    .header('ConsistencyLevel', 'eventual')
    .count(true)
    .filter("not(startsWith(displayName,'Person'))")
    .orderby('displayName desc')
    .select(['displayName'])
    .get()
  const searched = await client
    .api('/users')
    .header('ConsistencyLevel', 'eventual')
    .search('"displayName:person"')
    .top(2)
    .get()
  const refused = await client
    .api('/users')
    .filter("displayName ne 'x'")
    .get()
    .catch((error: unknown) => error)
  return {
    advanced: [advanced['@odata.count'], advanced.value],
    searched: searched.value.length,
    refused: refused instanceof GraphError ? [refused.statusCode, refused.code] : String(refused),
  }
}

async function groups(): Promise<object> {
  const body = { displayName: 'Crew', mailEnabled: false, mailNickname: 'crew', securityEnabled: true }
  const { id } = (await client.api('/groups').post(body)) as { id: string }
  for (const name of ['person3', 'person4']) {
    const user = (await client.api(`/users/${name}@contoso.example`).get()) as { id: string }
    await client
      .api(`/groups/${id}/members/$ref`)
      .post({ '@odata.id': `${GRAPH_ENDPOINT}/directoryObjects/${user.id}` })
  }
  const { value } = await client
    .api(`/groups/${id}`)
    .expand('members($select=mailNickname)')
    .get()
    .then((group: Json) => ({ value: group['members'] as Json[] }))
  await client.api(`/groups/${id}`).delete()
  const deleted = await client.api('/directory/deletedItems/microsoft.graph.group').get()
  await client.api(`/directory/deletedItems/${id}/restore`).post({})
  return {
    members: value.map(({ mailNickname }) => String(mailNickname)).sort(),
    deleted: deleted.value.length,
  }
}

process.stdout.write(
  JSON.stringify({
    batch: await batches(),
    pages: await pages(),
    delta: await delta(),
    queries: await queries(),
    groups: await groups(),
  }),
)
