// What the command of the platform keeps and changes: seeds, exports and signing keys; and whom it lets reach it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { AppIdentity, certificate } from '@tomte/client'
import { type KeyRotation, makeSelfSigned, startPlatform } from '@tomte/platform'
import { exportCommand } from './export.ts'
import { rotateKeysCommand } from './rotate-keys.ts'
import { ask } from './running-platform.ts'
import { here, resultOf, temporaryFolder, tomte } from './test-support.ts'

type Test = Parameters<typeof temporaryFolder>[0]
type Json = Readonly<Record<string, unknown>>

const CLIENT = '22222222-bbbb-4bbb-8bbb-000000000002'
const STATE = {
  version: 1,
  tenants: [
    {
      id: '11111111-aaaa-4aaa-8aaa-000000000001',
      displayName: 'Fabrikam',
      domains: ['fabrikam.example'],
      applications: [
        {
          appId: CLIENT,
          displayName: 'nightly-sync',
          owners: ['adele@fabrikam.example'],
          secrets: [{ displayName: 'ci', secretEnv: 'CI_SECRET' }],
        },
      ],
      servicePrincipals: [{ appId: CLIENT }],
      people: [{ userPrincipalName: 'adele@fabrikam.example', displayName: 'Adele' }],
      groups: [{ displayName: 'Staff', mailNickname: 'staff', members: ['adele@fabrikam.example', CLIENT] }],
    },
  ],
}

async function started(t: Test, data: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const running = tomte(t, ['platform', '--json', '--port=0', '--data', data, ...args], { environment })
  await running.prints(/"login":.*\n/)
  const stop = async () => {
    running.child.kill('SIGTERM')
    return (await running.ended).code
  }
  return { stop, ready: JSON.parse(running.printed.stdout) as Readonly<Record<string, string>> }
}

function operatorToken(ready: Readonly<Record<string, string>>, ca: string) {
  const identity = new AppIdentity({
    tenantId: ready['tenantId'] ?? '',
    clientId: ready['operatorClientId'] ?? '',
    credential: certificate({ file: ready['operatorCertificate'] ?? '' }),
    authorityHost: ready['login'],
    ca,
  })
  return identity.getToken('https://graph.microsoft.com/.default')
}

/** The key that signs, by the header of a token of the operator. */
async function signingKid(ready: Readonly<Record<string, string>>): Promise<string> {
  const { token } = await operatorToken(ready, await readFile(ready['ca'] ?? '', 'utf8'))
  const [header = ''] = token.split('.')
  return (JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { readonly kid: string }).kid
}

/** Asks once: a client of ours would wait and ask again. */
async function statusOf(url: string, ca: string, token: string): Promise<number | undefined> {
  const outgoing = request(url, { ca, agent: false, headers: { authorization: `Bearer ${token}` } }).end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  incoming.resume()
  return incoming.statusCode
}

const exportOf = (data: string) => resultOf((output) => exportCommand({ data }, output))

describe('tomte platform', () => {
  it('starts with a seed, exports it, and rotates its key while it runs and while it does not', async (t) => {
    const folder = await temporaryFolder(t)
    const [data, copy, file] = [join(folder, 'data'), join(folder, 'copy'), join(folder, 'state.json')]
    const rotate = () => resultOf((output) => rotateKeysCommand({ data }, output))
    await writeFile(file, JSON.stringify(STATE))
    const secret = crypto.randomUUID() + crypto.randomUUID()
    const first = await started(t, data, ['--seed', file], { CI_SECRET: secret })
    assert.equal(first.ready['tenantDomain'], 'fabrikam.example')
    const oldKid = await signingKid(first.ready)
    const { kid, previous, signsFromDateTime } = (await rotate()).document as unknown as KeyRotation
    assert.equal(previous.kid, oldKid)
    assert.equal(await signingKid(first.ready), kid)
    // The longest token lives a day, and clocks may differ by an hour.
    const overlapMs = Date.parse(previous.publishedUntilDateTime) - Date.parse(signsFromDateTime)
    assert.equal(overlapMs, 25 * 60 * 60 * 1000)
    assert.equal(await first.stop(), 0)

    const again = await rotate()
    assert.match(again.text, /^Tokens are signed with the new key [\w-]{27}\nThe key before it, /)
    assert.ok(again.text.includes(kid), again.text)
    const exported = await exportOf(data)
    assert.equal(exported.text.includes(secret), false)
    assert.doesNotMatch(exported.text, /PRIVATE KEY|secret_hash|sealed/)
    const [tenant] = exported.document['tenants'] as readonly Json[]
    const [group] = (tenant?.['groups'] ?? []) as readonly Json[]
    assert.deepEqual(group?.['members'], [CLIENT, 'adele@fabrikam.example'])

    const seed = { state: JSON.parse(exported.text) as unknown }
    await (await startPlatform({ dataFolder: copy, port: 0, seed })).close()
    assert.equal((await exportOf(copy)).text, exported.text)
  })

  it('ends with 1, and the path of each mistake, for a seed that cannot be', async (t) => {
    const folder = await temporaryFolder(t)
    const file = join(folder, 'state.json')
    const args = ['platform', '--port=0', '--data', join(folder, 'data'), '--seed', file]
    for (const [text, message] of [
      ['{', `Cannot use the seed '${file}', as it must be a JSON file: it is no JSON`],
      [
        JSON.stringify(STATE),
        'Cannot use the seed, as each entry must be valid and not be there otherwise: $.tenants[0].applications[0].secrets[0].secretEnv: the environment has no such variable',
      ],
    ] as const) {
      await writeFile(file, text)
      const { code, stderr } = await here(t, args)
      assert.deepEqual([code, stderr.split('\n')[0]], [1, message])
      assert.doesNotMatch(stderr, /^\s+at /m)
    }
  })

  it('refuses other machines without what that needs, with 1 and all that is missing', async (t) => {
    const folder = await temporaryFolder(t)
    const at = ['platform', '--port=0', '--data', join(folder, 'data'), '--host=0.0.0.0']
    const refused = await here(t, at)
    assert.equal(refused.code, 1)
    assert.equal(
      refused.stderr,
      "Cannot listen on '0.0.0.0', as a platform that other machines reach needs a certificate and its key (tls), the names by which it is reached (names), an administrator password (administratorPassword)\nNext: Give what is missing, or listen on localhost, which only this machine reaches\n",
    )
    const password = crypto.randomUUID()
    process.env['TOMTE_TEST_PORTAL'] = password
    t.after(() => delete process.env['TOMTE_TEST_PORTAL'])
    const exposed = ['--name=id.example', '--administrator-password=TOMTE_TEST_PORTAL', '--drills']
    const named = await here(t, [...at, ...exposed])
    assert.equal(named.code, 1)
    assert.match(named.stderr, /needs a certificate and its key \(tls\), to be without drills/)
    assert.equal(named.stderr.includes(password), false)
  })

  it('shows the certificate, has the tenants and keeps the limits that its options name', async (t) => {
    const folder = await temporaryFolder(t)
    const day = 86_400_000
    const made = await makeSelfSigned('localhost', {
      notBeforeMs: Date.now() - day,
      notAfterMs: Date.now() + day,
    })
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    await writeFile(cert, made.certificate)
    await writeFile(key, made.privateKey, { mode: 0o600 })
    const data = join(folder, 'data')
    const tls = ['--name=localhost', '--tls-certificate', cert, '--tls-key', key]
    const other = await here(t, ['platform', '--data', data, ...tls.slice(1, 3)])
    assert.deepEqual(
      [other.code, other.stderr.split('\n')[0]],
      [2, 'error: --tls-certificate and --tls-key belong together'],
    )
    const args = [
      '--tenant=fabrikam.example=Fabrikam',
      '--tenant=woodgrove.example',
      '--allow-private-network-issuers',
      '--throttling=0.000001',
      ...tls,
    ]
    const { stop, ready } = await started(t, data, args)
    const [origin, graph] = [ready['login'] ?? '', ready['graph'] ?? '']
    assert.equal((await ask(made.certificate, `${origin}/drills`, { method: 'GET' })).status, 404)
    const { token } = await operatorToken(ready, made.certificate)
    assert.equal(await statusOf(`${graph}/organization`, made.certificate, token), 429)
    await stop()
    const names = (await exportOf(data)).document['tenants'] as readonly { readonly displayName: string }[]
    assert.deepEqual(names.map(({ displayName }) => displayName).sort(), [
      'Contoso',
      'Fabrikam',
      'woodgrove.example',
    ])
  })

  it('forgets what was audited longer ago than --audit-retention-days', async (t) => {
    const data = await temporaryFolder(t)
    await (await startPlatform({ dataFolder: data, port: 0 })).close()
    const day = 86_400_000
    const audited = (act: (database: DatabaseSync) => unknown) => {
      const database = new DatabaseSync(join(data, 'platform.db'))
      const result = act(database)
      database.close()
      return result
    }
    const ages = [2, 6.9, 7.1, 20]
    audited((database) => {
      const insert = database.prepare(`insert into directory_audit
        (id, tenant_id, at_ms, activity, category, operation, initiated_by, target, correlation_id)
        values (?, 't', ?, '', '', '', '{}', '{}', '')`)
      for (const age of ages) insert.run(`${age} days`, Date.now() - age * day)
    })
    const { stop } = await started(t, data, ['--audit-retention-days=7'])
    assert.equal(await stop(), 0)
    const left = audited((database) =>
      database.prepare("select id from directory_audit where tenant_id = 't' order by at_ms desc").all(),
    )
    assert.deepEqual(
      (left as readonly { readonly id: string }[]).map(({ id }) => id),
      ['2 days', '6.9 days'],
    )
  })

  it('refuses limits that cannot be', async (t) => {
    const at = ['platform', '--port=0', '--data', await temporaryFolder(t)]
    for (const [option, code, message] of [
      ['--throttling=11', 2, 'a number above 0 and at most 10 is needed'],
      ['--throttling=0', 2, 'a number above 0 and at most 10 is needed'],
      ['--loop-detection=0', 1, 'true or a whole number from 1 to 1000000: found 0'],
      ['--loop-detection=many', 2, 'a whole number is needed'],
      ['--audit-retention-days=0', 1, 'a whole number of days from 1 to 3650 is needed: found 0'],
    ] as const) {
      const refused = await here(t, [...at, option])
      assert.deepEqual([option, refused.code, refused.stderr.includes(message)], [option, code, true])
    }
  })
})
