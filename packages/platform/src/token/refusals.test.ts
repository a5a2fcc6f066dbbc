// Every refusal of the token endpoint, provoked over the wire.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import {
  type Answer,
  type App,
  assertRefused,
  GRAPH_SCOPE,
  makeKey,
  thumbprint,
  World,
} from '../test-support.ts'
import { makeSelfSigned, type CertifiedKey } from '../tls/certificates.ts'
import { REFUSALS, type RefusalNumber } from './refusals.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const NO_GUID = '00000000-0000-0000-0000-000000000000'

let world: World
let key: CertifiedKey
let stranger: CertifiedKey
let app: App
let withoutPrincipal: App
let disabled: App
let outdated: App
let demanding: App
let closed: App
let manifold: App

before(async () => {
  world = await World.start()
  const nowMs = world.clock.ms
  key = await makeKey(nowMs)
  stranger = await makeKey(nowMs)
  app = await world.register(key)
  withoutPrincipal = await world.register(key, { principal: false })
  disabled = await world.register(key, { displayName: 'retired-sync' })
  await world.done(204, 'PATCH', `/servicePrincipals/${disabled.principalId}`, { accountEnabled: false })
  const old = { notBeforeMs: nowMs - 9 * DAY_MS, notAfterMs: nowMs - DAY_MS }
  outdated = await world.register(await makeSelfSigned('outdated', old))
  demanding = await world.register(key, { displayName: 'demanding', identifierUris: ['api://demanding'] })
  await world.done(204, 'PATCH', `/servicePrincipals/${demanding.principalId}`, {
    appRoleAssignmentRequired: true,
  })
  closed = await world.register(key, { displayName: 'closed', identifierUris: ['api://closed'] })
  await world.done(204, 'PATCH', `/servicePrincipals/${closed.principalId}`, { accountEnabled: false })
  manifold = await world.register(key, { displayName: 'manifold', signInAudience: 'AzureADMultipleOrgs' })
})
after(() => world.remove())

const iso = (ms: number) => new Date(ms).toISOString()
const hex = (base64url: string) => Buffer.from(base64url, 'base64url').toString('hex').toUpperCase()
const sha1Hex = (of: CertifiedKey) => hex(thumbprint(of, 'sha1'))
const sha256Hex = (of: CertifiedKey) => hex(thumbprint(of, 'sha256'))

interface Case {
  readonly aadsts: RefusalNumber
  readonly when: string
  readonly ask: () => Promise<Answer>
  readonly text: () => string
}

const post = (changes: Record<string, string>, from: App = app) => world.postForm(world.form(from, changes))
const without = (name: string) => {
  const { [name]: _, ...form } = world.form(app) as Record<string, string>
  return world.postForm(form)
}
const signed = (
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
  from: App = app,
): Promise<Answer> => post({ client_assertion: world.assertion(from, { claims, header }) })
const tokenPath = (tenant = world.tenantId) => `/${tenant}/oauth2/v2.0/token`
const seconds = () => Math.floor(world.clock.ms / 1000)

const missingField = (name: string) =>
  `The required field '${name}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.`

const NO_TENANT =
  'No tenant-identifying information found in either the request or implied by any provided credentials.'

const CASES: readonly Case[] = [
  {
    aadsts: 900561,
    when: 'the method is GET',
    ask: () => world.send(tokenPath()),
    text: () => 'The endpoint only accepts POST requests. Received a GET request.',
  },
  {
    aadsts: 900023,
    when: 'the tenant can be neither a GUID nor a domain',
    ask: () => world.postForm(world.form(app), 'nowhere'),
    text: () =>
      "Specified tenant identifier 'nowhere' is neither a valid DNS name, nor a valid external domain.",
  },
  {
    aadsts: 900021,
    when: 'the tenant is the empty GUID',
    ask: () => world.postForm(world.form(app), NO_GUID),
    text: () =>
      `Requested tenant identifier '${NO_GUID}' is not valid. Tenant identifiers may not be an empty GUID.`,
  },
  {
    aadsts: 9001023,
    when: 'the tenant is that of personal accounts',
    ask: () => world.postForm(world.form(app), 'Consumers'),
    text: () =>
      'The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.',
  },
  {
    aadsts: 50194,
    when: 'a single-tenant application names no tenant',
    ask: () => world.postForm(world.form(app), 'common'),
    text: () =>
      `Application '${app.appId}'(nightly-sync) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such applications created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.`,
  },
  {
    aadsts: 50059,
    when: 'a multi-tenant application names no tenant',
    ask: () => world.postForm(world.form(manifold), 'organizations'),
    text: () => NO_TENANT,
  },
  {
    aadsts: 50059,
    when: 'nobody names no tenant',
    ask: () => world.postForm({ ...world.form(app), client_id: randomUUID() }, 'common'),
    text: () => NO_TENANT,
  },
  {
    aadsts: 50049,
    when: 'an SDK asks whether to trust another host',
    ask: () =>
      world.send(
        `/common/discovery/instance?api-version=1.1&authorization_endpoint=${encodeURIComponent('https://login.example/common/oauth2/v2.0/authorize')}`,
      ),
    text: () => 'Unknown or invalid instance.',
  },
  {
    aadsts: 700038,
    when: 'the client id is the empty GUID',
    ask: () => post({ client_id: NO_GUID }),
    text: () => `${NO_GUID} is not a valid application identifier.`,
  },
  {
    aadsts: 901002,
    when: 'the v2.0 endpoint is asked for a resource',
    ask: () => post({ resource: 'https://graph.microsoft.com' }),
    text: () => "The 'resource' request parameter is not supported.",
  },
  {
    aadsts: 900144,
    when: 'the v1.0 endpoint is asked for a scope alone',
    ask: () => world.postFormV1(world.form(app)),
    text: () => "The request body must contain the following parameter: 'resource'.",
  },
  {
    aadsts: 70011,
    when: 'the scope names a permission beside a resource',
    ask: () => post({ scope: `${GRAPH_SCOPE} User.Read` }),
    text: () =>
      `The provided value for the input parameter 'scope' is not valid. The scope ${GRAPH_SCOPE} User.Read is not valid.`,
  },
  {
    aadsts: 90002,
    when: 'the tenant is unknown',
    ask: () => world.postForm(world.form(app), 'fabrikam.example'),
    text: () =>
      "Tenant 'fabrikam.example' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
  },
  {
    aadsts: 9002313,
    when: 'a parameter comes twice',
    ask: () =>
      world.send(tokenPath(), {
        method: 'POST',
        body: `${new URLSearchParams(world.form(app)).toString()}&scope=x`,
      }),
    text: () => 'Invalid request. Request is malformed or invalid.',
  },
  {
    aadsts: 900144,
    when: 'there is no grant type',
    ask: () => without('grant_type'),
    text: () => "The request body must contain the following parameter: 'grant_type'.",
  },
  {
    aadsts: 900144,
    when: 'there is no client id',
    ask: () => without('client_id'),
    text: () => "The request body must contain the following parameter: 'client_id'.",
  },
  {
    aadsts: 90014,
    when: 'there is no scope',
    ask: () => without('scope'),
    text: () => missingField('scope'),
  },
  {
    aadsts: 51000,
    when: 'the token is to be bound to a key',
    ask: () => post({ token_type: 'mtls_pop' }),
    text: () => 'The feature is disabled.',
  },
  {
    aadsts: 900144,
    when: 'the assertion has no type',
    ask: () => without('client_assertion_type'),
    text: () => "The request body must contain the following parameter: 'client_assertion_type'.",
  },
  {
    aadsts: 70003,
    when: 'the grant type is another one',
    ask: () => post({ grant_type: 'password' }),
    text: () => "The app requested an unsupported grant type 'password'.",
  },
  {
    aadsts: 700016,
    when: 'no application has the client id',
    ask: () => post({ client_id: 'nobody' }),
    text: () =>
      `Application with identifier 'nobody' was not found in the directory '${world.tenantId}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
  },
  {
    aadsts: 1002012,
    when: 'the scope names a permission',
    ask: () => post({ scope: 'https://graph.microsoft.com/User.Read.All' }),
    text: () =>
      'The provided value for scope https://graph.microsoft.com/User.Read.All is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
  },
  {
    aadsts: 700022,
    when: 'the scope names two resources',
    ask: () => post({ scope: `${GRAPH_SCOPE} api://closed/.default` }),
    text: () =>
      `The provided value for the input parameter 'scope' is not valid. The scope ${GRAPH_SCOPE} api://closed/.default contains more than one resource.`,
  },
  {
    aadsts: 7000216,
    when: 'there is no credential',
    ask: () => without('client_assertion'),
    text: () =>
      "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
  },
  {
    aadsts: 7000215,
    when: 'the secret is none of the application',
    ask: () => post({ client_assertion: '', client_secret: randomUUID() }),
    text: () =>
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${app.appId}'.`,
  },
  {
    aadsts: 50027,
    when: 'the assertion is no JWT',
    ask: () => post({ client_assertion: 'not-a-jwt' }),
    text: () => 'Invalid JWT token. A JWT has three parts.',
  },
  {
    aadsts: 700021,
    when: 'the assertion was issued by another application',
    ask: () => signed({ iss: demanding.appId }),
    text: () => "Client assertion application identifier doesn't match 'client_id' parameter.",
  },
  {
    aadsts: 50048,
    when: 'subject and issuer differ',
    ask: () => signed({ sub: 'somebody' }),
    text: () => `Subject 'somebody' mismatches Issuer '${app.appId}' claim in the client assertion.`,
  },
  {
    aadsts: 700211,
    when: 'the assertion comes from another identity provider',
    ask: () => signed({ iss: 'https://idp.example' }),
    text: () =>
      "No matching federated identity record found for presented assertion issuer 'https://idp.example'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
  },
  {
    aadsts: 700027,
    when: 'the certificate is not registered',
    ask: () => post({ client_assertion: world.assertion({ ...app, key: stranger }) }),
    text: () =>
      `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '${sha256Hex(stranger)}'] Registered on app '${app.appId}': ${sha1Hex(key)}.`,
  },
  {
    aadsts: 700027,
    when: 'the signature is that of another key',
    ask: () =>
      post({
        client_assertion: world.assertion(
          { ...app, key: stranger },
          { header: { 'x5t#S256': thumbprint(key, 'sha256') } },
        ),
      }),
    text: () =>
      `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The provided signature value did not match the expected signature value., Thumbprint of key used by client: '${sha256Hex(key)}'] Registered on app '${app.appId}': ${sha1Hex(key)}.`,
  },
  {
    aadsts: 1000502,
    when: 'the certificate has expired',
    ask: () => world.postForm(world.form(outdated)),
    text: () =>
      `The provided certificate is not within its valid time range: ${iso(world.clock.ms - 9 * DAY_MS)} to ${iso(world.clock.ms - DAY_MS)}.`,
  },
  {
    aadsts: 700023,
    when: 'the assertion is meant for another authority',
    ask: () => signed({ aud: 'https://login.example/token' }),
    text: () => 'Client assertion audience claim does not match Realm issuer.',
  },
  {
    aadsts: 700024,
    when: 'the assertion has expired',
    ask: () => signed({ nbf: seconds() - 900, exp: seconds() - 301 }),
    text: () =>
      `Client assertion is not within its valid time range. Current time: ${iso(world.clock.ms)}, assertion valid from ${iso((seconds() - 900) * 1000)}, expiry time of assertion ${iso((seconds() - 301) * 1000)}.`,
  },
  {
    aadsts: 700024,
    when: 'the assertion is from the future',
    ask: () => signed({ nbf: seconds() + 301 }),
    text: () =>
      `Client assertion is not within its valid time range. Current time: ${iso(world.clock.ms)}, assertion valid from ${iso((seconds() + 301) * 1000)}, expiry time of assertion ${iso((seconds() + 600) * 1000)}.`,
  },
  {
    aadsts: 7000229,
    when: 'the application has no service principal here',
    ask: () => world.postForm(world.form(withoutPrincipal)),
    text: () =>
      `The client application ${withoutPrincipal.appId} is missing service principal in the tenant ${world.tenantId}.`,
  },
  {
    aadsts: 7000112,
    when: 'the service principal is disabled',
    ask: () => world.postForm(world.form(disabled)),
    text: () => `Application '${disabled.appId}'(retired-sync) is disabled.`,
  },
  {
    aadsts: 500011,
    when: 'the resource is not in the tenant',
    ask: () => post({ scope: 'api://nothing/.default' }),
    text: () =>
      `The resource principal named api://nothing was not found in the tenant named ${world.tenantId}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.`,
  },
  {
    aadsts: 500014,
    when: 'the resource is disabled',
    ask: () => post({ scope: 'api://closed/.default' }),
    text: () =>
      "The service principal for resource 'api://closed' is disabled. This indicate that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing tokens from being issued for it.",
  },
  {
    aadsts: 501051,
    when: 'the resource demands an assignment',
    ask: () => post({ scope: 'api://demanding/.default' }),
    text: () =>
      `Application '${app.appId}'(nightly-sync) is not assigned to a role for the application 'api://demanding'.`,
  },
]

// In the tests of loops, secrets, names of certificates, federation, own assertions, bad parameters and policies, which have what it takes.
const PROVOKED_ELSEWHERE: readonly RefusalNumber[] = [
  7000222, 700212, 700213, 7002138, 700229, 5002730, 50166, 50013, 53003, 90033, 700030, 7000214, 50196,
]

describe('the token endpoint', () => {
  for (const { aadsts, when, ask, text } of CASES) {
    it(`answers AADSTS${aadsts} when ${when}`, async () => assertRefused(world, await ask(), aadsts, text()))
  }

  it('has no refusal in its table that these tests do not provoke', () => {
    const provoked = new Set([...CASES.map(({ aadsts }) => aadsts), ...PROVOKED_ELSEWHERE].map(String))
    assert.deepEqual(
      Object.keys(REFUSALS).filter((number) => !provoked.has(number)),
      [],
    )
  })

  it('echoes a client-request-id that is a GUID, and makes its own for any other', async () => {
    const id = randomUUID()
    const ask = (sent: string) => world.send(tokenPath(), { headers: { 'client-request-id': sent } })
    const text = 'The endpoint only accepts POST requests. Received a GET request.'
    assertRefused(world, await ask(id), 900561, text, id)
    const answer = await ask('<script>')
    assertRefused(world, answer, 900561, text)
    assert.equal(answer.text.includes('<script>'), false)
  })

  it('finds no stack trace and no file name in any refusal', async () => {
    for (const { ask } of CASES) assert.doesNotMatch((await ask()).text, /\n\s+at |\.ts:|node:/)
  })

  it('gives every request a trace id of its own', async () => {
    const [one, two] = await Promise.all([world.send(tokenPath()), world.send(tokenPath())])
    assert.notEqual(one.body['trace_id'], two.body['trace_id'])
  })
})
