// Drills by command, on a platform that runs: what each does to it, what it prints, and how it refuses.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Api, AppIdentity, certificate, graph } from '@tomte/client'
import { type Platform, readyDocument, startPlatform } from '@tomte/platform'
import { DRILLS, drillCommand, type DrillOptions } from './drill.ts'
import { here, resultOf, temporaryFolder, tomte } from './test-support.ts'

type Json = Readonly<Record<string, unknown>>

let data: string
let platform: Platform
let api: Api
before(async () => {
  data = await mkdtemp(join(tmpdir(), 'tomte-drill-'))
  platform = await startPlatform({ dataFolder: data, port: 0, drills: true })
  const { operator, origin, graphUrl, ca } = platform
  const credential = certificate({ file: operator.certificateFile })
  const identity = new AppIdentity({ ...operator, credential, authorityHost: origin, ca })
  api = graph(identity, { baseUrl: graphUrl, ca })
})
after(async () => {
  await platform.close()
  await rm(data, { recursive: true, force: true })
})

/** Does a drill as the command does; returns what it prints. */
async function drill(name: string, words: readonly string[] = [], options: DrillOptions = {}, folder = data) {
  const known = DRILLS[name]
  assert.ok(known)
  return resultOf((output) => drillCommand(known, words, { ...options, data: folder }, output))
}

const report = async () => (await drill('status')).document

describe('tomte platform drill', () => {
  it('sets the clock, and returns to that of the machine', async () => {
    await drill('clock', ['2030-01-01T00:00:00Z'])
    const { now, clock } = await report()
    assert.match(String(now), /^2030-01-01T00:00:/)
    await drill('clock', ['off'])
    assert.deepEqual([clock, (await report())['clock']], ['set', 'machine'])
  })

  it('begins a fault with each of its options, and ends it', async () => {
    const options = { status: 429, retryAfter: 7, rate: 0.5, times: 3 }
    const { text } = await drill('break', ['token', 'status'], options)
    assert.match(text, /^The fault \d+ has begun$/)
    const [fault] = (await report())['faults'] as readonly Json[]
    const { id: _id, ...shown } = fault ?? {}
    assert.deepEqual(shown, {
      target: 'token',
      kind: 'status',
      status: 429,
      retryAfterSeconds: 7,
      rate: 0.5,
      times: 3,
      struck: 0,
    })
    await drill('mend')
    assert.deepEqual((await report())['faults'], [])
  })

  it('throttles the directory, and lets it go', async () => {
    await drill('throttle', ['0.000001'])
    await assert.rejects(() => drill('throttle', ['11']), {
      code: 'drill_refused',
      message:
        "Cannot do this drill: 'part' must be a number above 0 and at most 10: the part of Graph's limits to grant.",
    })
    await drill('throttle', ['off'])
    await api.get('/organization')
  })

  it('delays replication, and ends the delay', async () => {
    await drill('replicate', ['30'])
    assert.deepEqual((await report())['replication'], { delaySeconds: 30, waiting: 0 })
    await drill('replicate', ['off'])
    assert.deepEqual((await report())['replication'], { delaySeconds: 0, waiting: 0 })
  })

  it('rotates the key, expires and revokes credentials, and revokes tokens', async () => {
    const app = (await api.post('/applications', { displayName: 'drilled' })) as Json
    const principal = (await api.post('/servicePrincipals', { appId: app['appId'] })) as Json
    const path = `/applications/${String(app['id'])}`
    const { keyId } = (await api.post(`${path}/addPassword`, {})) as Json
    assert.match(String((await drill('rotate')).document['kid']), /^[\w-]{27}$/)
    await drill('expire', [String(keyId)])
    const { passwordCredentials } = (await api.get(path)) as {
      passwordCredentials: { endDateTime: string }[]
    }
    assert.ok(Date.parse(passwordCredentials[0]?.endDateTime ?? '') < Date.now())
    await drill('revoke', [String(keyId)])
    assert.deepEqual(((await api.get(path)) as Json)['passwordCredentials'], [])
    assert.equal((await drill('revoke-tokens', [String(principal['id'])])).text, 'The tokens are revoked')
    await assert.rejects(drill('revoke', ['../faults']), {
      message: "Cannot do this drill: No secret or certificate has the keyId '../faults'.",
    })
  })

  it('forges a token of a file of claims, and prints nothing else', async () => {
    const file = join(data, 'claims.json')
    await writeFile(file, '{"aud":"api://orders","roles":[]}')
    const { text, document } = await drill('forge', [file])
    const claims = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString('utf8')) as Json
    assert.deepEqual(claims, { aud: 'api://orders', roles: [] })
    assert.deepEqual(document, { access_token: text })
    await writeFile(file, '{')
    await assert.rejects(drill('forge', [file]), {
      message: `Cannot forge a token of '${file}', as a JSON file of claims is needed: it is no JSON`,
    })
  })

  it('as a command prints one document with --json, and ends with 1 what the platform refuses', async (t) => {
    const args = ['platform', 'drill', 'break', 'token', 'status', '--status=418', '--data', data, '--json']
    const refused = await tomte(t, args).ended
    const { error } = JSON.parse(refused.stdout) as { readonly error: Json }
    assert.deepEqual([refused.code, error['code']], [1, 'drill_refused'])
    assert.match(
      refused.stderr,
      /^Cannot do this drill: 'status' must be one of 429, 500, 502, 503, 504 for 'token'\.\nNext: /,
    )
  })

  it('ends with 2 for words that cannot be', async (t) => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['clock', 'soon'], "error: <instant> must be one as 2030-01-01T00:00:00Z, or 'off': found 'soon'"],
      [['throttle', 'much'], "error: <part> must be a number or 'off': found 'much'"],
      [
        ['break', 'token', 'status', '--rate=x'],
        "error: option '--rate <part>' argument 'x' is invalid. a number is needed",
      ],
    ]
    for (const [words, message] of cases) {
      const { code, stderr } = await here(t, ['platform', 'drill', ...words, '--data', data])
      assert.deepEqual({ words, code, first: stderr.split('\n')[0] }, { words, code: 2, first: message })
    }
  })

  it('says what to do where no platform runs, where it was killed, and where it has no drills', async (t) => {
    const empty = await temporaryFolder(t)
    const mend = () => drill('mend', [], {}, empty)
    await assert.rejects(mend, {
      code: 'platform_not_running',
      message: `Cannot reach a platform, as one must run on the data folder '${empty}': it has said nowhere how it is reached`,
      hint: 'Start it with tomte platform, or name its data folder with --data',
    })
    const document = readyDocument(platform)
    const left = (drills?: string) =>
      writeFile(join(empty, 'platform.json'), JSON.stringify({ ...document, drills }))
    await left()
    await assert.rejects(mend, { code: 'drills_missing' })
    await left('https://localhost:9/drills')
    await assert.rejects(mend, { code: 'platform_unreachable' })
  })
})
