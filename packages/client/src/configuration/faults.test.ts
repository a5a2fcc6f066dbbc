import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { faultsIn } from './faults.ts'
import { CONFIGURATION } from './shape.ts'

const said = (value: unknown) => faultsIn(value, CONFIGURATION).map(({ path, said }) => `${path}: ${said}`)
const identity = (section: object) => ({ identity: section })
const credential = (definition: unknown) => ({ identity: { credentials: [definition] } })
const CREDENTIAL = 'identity.credentials[0]'
const PATHS =
  'certificateFile, certificatePasswordEnv, federatedTokenFile, privateKeyFile, privateKeyPasswordEnv, secretFile, secretEnv'

describe('the check of a configuration', () => {
  const cases: readonly (readonly [what: string, value: unknown, ...said: string[]])[] = [
    ['a text in its place', 'identity', ': an object is needed, found another text'],
    ['null in its place', null, ': an object is needed, found null'],
    ['a list in its place', [], ': an object is needed, found a list'],
    ['nothing in its place', undefined, ': an object is needed, found nothing'],
    ['a function', { identity: () => {} }, 'identity: an object is needed, found a function'],
    ['a key in other letters', { Identity: {} }, 'Identity: unknown key, did you mean identity?'],
    ['a key that is like none', { schedule: {} }, 'schedule: unknown key, known are $schema, identity, apis'],
    [
      'a key of Object',
      JSON.parse('{"__proto__":{}}'),
      '__proto__: unknown key, known are $schema, identity, apis',
    ],
    [
      'a key that is no word, cut off',
      { [`a b${'c'.repeat(100)}`]: 1 },
      `["a b${'c'.repeat(57)}…"]: unknown key, known are $schema, identity, apis`,
    ],
    [
      'keys in the spelling of others',
      identity({ client_id: 'a', TENANT: 'b', authority: 'c' }),
      'identity.client_id: unknown key, did you mean clientId?',
      'identity.TENANT: unknown key, did you mean tenantId?',
      'identity.authority: unknown key, did you mean authorityHost?',
    ],
    [
      'a number for a text',
      identity({ tenantId: 7 }),
      'identity.tenantId: one line of at most 253 characters is needed, found another number',
    ],
    [
      'a host that is no origin',
      identity({ authorityHost: 'login.example' }),
      'identity.authorityHost: an https:// origin or the name of a cloud is needed, found another text',
    ],
    [
      'half a token',
      identity({ tokensMax: 0.5 }),
      'identity.tokensMax: a whole number from 1 to 100000000 is needed, found another number',
    ],
    [
      'too many credentials',
      identity({ credentials: Array(21).fill({ secretEnv: 'A' }) }),
      'identity.credentials: a list of at most 20 is needed, found 21',
    ],
    [
      'a secret in clear',
      credential({ secret: 'x' }),
      `${CREDENTIAL}.secret: no secret may stand in a configuration, put it into a file or the environment (${PATHS})`,
    ],
    [
      'a password beside a certificate',
      credential({ certificateFile: 'a.pem', certificatePassword: 'x' }),
      `${CREDENTIAL}.certificatePassword: no secret may stand in a configuration, put it into a file or the environment (certificateFile, certificatePasswordEnv)`,
    ],
    [
      'a secret where none is known',
      identity({ clientSecret: 'x' }),
      'identity.clientSecret: no secret may stand in a configuration, put it into a file or the environment',
    ],
    [
      'a key of a file, misspelled',
      credential({ certificatFile: 'a.pem' }),
      `${CREDENTIAL}.certificatFile: unknown key, did you mean certificateFile?`,
    ],
    [
      'a secret’s file, misspelled',
      credential({ secretsFile: 'a' }),
      `${CREDENTIAL}.secretsFile: unknown key, did you mean secretFile?`,
    ],
    [
      'an empty credential',
      credential({}),
      `${CREDENTIAL}: one of certificateFile, federatedTokenFile, githubActions, managedIdentity, privateKeyFile, secretFile, secretEnv is needed, found none`,
    ],
    [
      'two credentials in one',
      credential({ secretEnv: 'A', secretFile: 'a' }),
      `${CREDENTIAL}: exactly one of certificateFile, federatedTokenFile, githubActions, managedIdentity, privateKeyFile, secretFile, secretEnv is needed, found secretFile and secretEnv`,
    ],
    [
      'a secret in place of its variable',
      credential({ secretEnv: 'abc~DEF' }),
      `${CREDENTIAL}.secretEnv: the name of an environment variable, in capitals, is needed, found another text`,
    ],
    [
      'a method that is none',
      credential({ secretEnv: 'A', method: 'get' }),
      `${CREDENTIAL}.method: one of post, basic is needed, found another text`,
    ],
    [
      'a flag as a text',
      credential({ certificateFile: 'a.pem', sendChain: 'yes' }),
      `${CREDENTIAL}.sendChain: true or false is needed, found another text`,
    ],
    [
      'an API without a scope',
      { apis: { a: { baseUrl: 'https://a.example' } } },
      'apis.a.scope: a value is needed, found none',
    ],
    [
      'an API under no name',
      { apis: { 'a b': { graph: 'v1.0' } } },
      'apis["a b"]: a name that begins with a letter, of letters, digits, - and _, is needed as the key',
    ],
    [
      'APIs without end',
      { apis: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`a${index}`, {}])) },
      'apis: at most 100 names are allowed, found 101',
    ],
    [
      'a list with a hole',
      { identity: { credentials: Array(1) } },
      `${CREDENTIAL}: an object is needed, found nothing`,
    ],
  ]
  for (const [what, value, ...faults] of cases) {
    it(`finds ${what}`, () => {
      assert.deepEqual(said(value), faults)
    })
  }

  it('passes over keys without a value, which code may have', () => {
    assert.deepEqual(said({ identity: { tenantId: undefined, tenant: undefined }, apis: undefined }), [])
  })

  it('repeats no value, wherever it stands', () => {
    const value = `${crypto.randomUUID()}~\n`
    const places = [value, [value], { a: value }]
    const all = [
      ...places.flatMap((place) =>
        ['authorityHost', 'tenantId', 'credentials', 'tokensMax', 'parameters', 'secret'].map((key) =>
          identity({ [key]: place }),
        ),
      ),
      ...places.flatMap((place) =>
        ['certificateFile', 'secretFile', 'secretEnv', 'secret', 'federatedTokenFile'].map((key) =>
          credential({ [key]: place }),
        ),
      ),
      credential({ secretEnv: 'A', method: value }),
      credential({ certificateFile: 'a', algorithm: value }),
      { apis: { a: value } },
      { apis: { a: { graph: value } } },
      { apis: { a: { baseUrl: value, scope: value, permissions: value } } },
      value,
    ]
    for (const one of all) {
      const faults = said(one)
      assert.notDeepEqual(faults, [], inspect(one))
      assert.ok(!faults.join().includes(value.slice(0, 36)), inspect(one))
    }
  })
})
