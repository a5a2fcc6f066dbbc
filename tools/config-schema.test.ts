// Why: what an editor lets pass and the client refuses, or the other way round, costs a person an hour.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Ajv } from 'ajv'
import { faultsIn } from '../packages/client/src/configuration/faults.ts'
import { CONFIGURATION, type Rule } from '../packages/client/src/configuration/shape.ts'
import { configSchema, SCHEMA_FILE } from './config-schema.ts'
import { root } from './files.ts'

const shipped = JSON.parse(readFileSync(join(root, SCHEMA_FILE), 'utf8')) as object
const takenBySchema = new Ajv({ strict: true, strictRequired: false }).compile(shipped)

/** Whether both take it; fails if they differ. */
function taken(value: unknown): boolean {
  const faults = faultsIn(value, CONFIGURATION)
  assert.equal(
    takenBySchema(value),
    faults.length === 0,
    `${JSON.stringify(value)}: ${JSON.stringify(faults)}`,
  )
  return faults.length === 0
}

const identity = (section: object) => ({ identity: section })
const credential = (definition: unknown) => ({ identity: { credentials: [definition] } })
const api = (definition: unknown, name = 'orders') => ({ apis: { [name]: definition } })
const ORDERS = { baseUrl: 'https://orders.example/v1', scope: 'api://orders/.default' }

const GOOD: readonly unknown[] = [
  {},
  { $schema: './node_modules/@tomte/client/config.schema.json' },
  identity({}),
  identity({ authorityHost: 'AzureChinaCloud', tenantId: 'contoso.example', clientId: 'a', credentials: [] }),
  identity({
    authorityHost: 'https://localhost:8443',
    region: 'westeurope',
    tokensMax: 1,
    timeoutMs: 600_000,
  }),
  identity({ issuer: 'https://id.example/realms/x', parameters: { audience: 'orders' } }),
  identity({ clientId: '😀'.repeat(253) }),
  credential({ certificateFile: 'a.pem' }),
  credential({
    certificateFile: 'a.pem',
    certificatePasswordEnv: 'P_1',
    algorithm: 'RS256',
    sendChain: true,
  }),
  credential({ federatedTokenFile: '/var/run/token' }),
  credential({ secretFile: 'secret', method: 'basic' }),
  credential({ githubActions: 'id-token', audience: 'api://orders' }),
  credential({ managedIdentity: 'system' }),
  credential({ privateKeyFile: 'key.pem', keyId: '1', privateKeyPasswordEnv: 'P' }),
  credential({ secretEnv: 'SECRET', method: 'post' }),
  { apis: {} },
  api({ graph: 'beta', permissions: ['User.Read.All'] }),
  api(ORDERS, 'constructor'),
  api({ ...ORDERS, permissions: [] }),
]

const BAD: readonly unknown[] = [
  null,
  [],
  'identity',
  { identity: null },
  { identities: {} },
  { jobs: {} },
  JSON.parse('{"__proto__": {}}'),
  JSON.parse('{"identity": {"__proto__": 1}}'),
  { toString: 1 },
  { $schema: '' },
  identity({ tenantId: '' }),
  identity({ tenantId: ' ' }),
  identity({ tenantId: 1 }),
  identity({ clientId: 'a\nb' }),
  identity({ clientId: '😀'.repeat(254) }),
  identity({ authorityHost: 'http://login.example' }),
  identity({ authorityHost: 'azurepubliccloud' }),
  identity({ parameters: { audience: 1 } }),
  identity({ parameters: ['audience'] }),
  identity({ tokensMax: 0 }),
  identity({ tokensMax: 1.5 }),
  identity({ timeoutMs: '30000' }),
  identity({ timeoutMs: 600_001 }),
  identity({ credentials: {} }),
  identity({ credentials: Array(21).fill({ secretEnv: 'A' }) }),
  credential({}),
  credential('secret'),
  credential({ secretEnv: 'A', secretFile: 'a' }),
  credential({ secretEnv: 'lower' }),
  credential({ secretEnv: 'A', algorithm: 'PS256' }),
  credential({ algorithm: 'PS256' }),
  credential({ certificateFile: 'a.pem', algorithm: 'HS256' }),
  credential({ certificateFile: 'a.pem', sendChain: 'true' }),
  credential({ certificateFile: '-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----\n' }),
  { apis: [] },
  api(null),
  api({}),
  api({ baseUrl: 'https://orders.example' }),
  api({ scope: 'api://orders/.default' }),
  api({ ...ORDERS, baseUrl: 'http://orders.example' }),
  api({ ...ORDERS, graph: 'v1.0' }),
  api({ graph: 'v2.0' }),
  api({ graph: 'v1.0', permissions: 'User.Read.All' }),
  api(ORDERS, ''),
  api(ORDERS, '1st'),
  api(ORDERS, 'a b'),
  api(ORDERS, 'a'.repeat(65)),
  { apis: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`a${index}`, ORDERS])) },
]

describe('config.schema.json', () => {
  it('is what tools/config-schema.ts makes of the table; run it after a change', () => {
    assert.deepEqual(shipped, JSON.parse(JSON.stringify(configSchema())))
  })

  it('and the check of the client take the same configurations', () => {
    for (const value of GOOD) assert.equal(taken(value), true, JSON.stringify(value))
  })

  it('and the check of the client refuse the same configurations', () => {
    for (const value of BAD) assert.equal(taken(value), false, JSON.stringify(value))
  })

  it('and the check of the client never differ, whatever is put where', () => {
    const random = seeded(20_260_921)
    let good = 0
    for (let number = 0; number < 4000; number += 1) if (taken(grown(CONFIGURATION, random, 0.05))) good += 1
    // The property would show nothing if all were alike.
    assert.ok(good > 400 && good < 3600, `${good} of 4000 were good`)
  })
})

const pick = <Item>(items: readonly Item[], random: () => number): Item =>
  items[Math.floor(random() * items.length)] as Item

const STRANGE: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  2.5,
  1e300,
  '',
  ' ',
  'a\r\nb',
  '😀',
  'x'.repeat(3000),
  [],
  {},
  [{}],
  { secret: 'x' },
]
const KEYS = ['secret', 'identity', '__proto__', 'constructor', 'a b', '', 'graph', 'secretFile', 'Tenantid']
const TEXTS = [
  'https://a.example',
  'AzurePublicCloud',
  'contoso.example',
  'ORDERS_SECRET',
  'a.pem',
  'orders',
  'é̂',
]

/** A value that mostly follows the rule; `strangeness` is how often something else is put in its place. */
function grown(rule: Rule, random: () => number, strangeness: number): unknown {
  if (random() < strangeness) return pick(STRANGE, random)
  const count = Math.floor(random() * 3)
  switch (rule.kind) {
    case 'text': {
      const fitting = TEXTS.filter((text) => new RegExp(rule.pattern, 'u').test(text))
      return pick(random() < 0.9 ? fitting : TEXTS, random)
    }
    case 'choice':
      return random() < 0.9 ? pick(rule.choices, random) : 'another'
    case 'flag':
      return random() < 0.5
    case 'whole':
      return rule.min + Math.floor(random() * 5)
    case 'list':
      return Array.from({ length: count }, () => grown(rule.of, random, strangeness))
    case 'named':
      return record(
        Array.from({ length: count }, () => [
          pick([...TEXTS, ...KEYS], random),
          grown(rule.of, random, strangeness),
        ]),
      )
    case 'section': {
      const keys = Object.entries(rule.keys).filter(([key]) => rule.required.includes(key) || random() < 0.4)
      const extra = random() < strangeness ? [[pick(KEYS, random), 'x'] as const] : []
      return record([...keys.map(([key, of]) => [key, grown(of, random, strangeness)] as const), ...extra])
    }
    case 'oneOf':
      return grown(pick(Object.values(rule.by), random), random, strangeness)
  }
}

/** As JSON.parse makes it: `__proto__` is a key like any other. */
const record = (entries: readonly (readonly [string, unknown])[]): object => Object.fromEntries(entries)

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
