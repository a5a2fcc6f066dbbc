// What the command of the platform keeps and changes: seeds, exports and signing keys; and whom it lets reach it.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AppIdentity, certificate } from '@tomte/client'
import { makeSelfSigned } from '@tomte/platform'
import { hasStack, temporaryFolder, tomte } from './test-support.ts'

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

/** The key that signs, by the header of a token of the operator. */
async function signingKid(ready: Readonly<Record<string, string>>): Promise<string> {
  const identity = new AppIdentity({
    tenantId: ready['tenantId'] ?? '',
    clientId: ready['operatorClientId'] ?? '',
    credential: certificate({ file: ready['operatorCertificate'] ?? '' }),
    authorityHost: ready['login'],
    ca: await readFile(ready['ca'] ?? '', 'utf8'),
  })
  const { token } = await identity.getToken('https://graph.microsoft.com/.default')
  const [header = ''] = token.split('.')
  return (JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { readonly kid: string }).kid
}

describe('tomte platform', () => {
  it('starts with a seed, exports it, and rotates its key while it runs and while it does not', async (t) => {
    const folder = await temporaryFolder(t)
    const [data, copy, file] = ['data', 'copy', 'state.json'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(file, JSON.stringify(STATE))
    const secret = crypto.randomUUID() + crypto.randomUUID()
    const first = await started(t, data, ['--seed', file], { CI_SECRET: secret })
    assert.equal(first.ready['tenantDomain'], 'fabrikam.example')
    const oldKid = await signingKid(first.ready)
    const rotated = await tomte(t, ['platform', 'rotate-keys', '--data', data, '--json']).ended
    assert.equal(rotated.code, 0, rotated.stderr)
    const { kid, previous, signsFromDateTime } = JSON.parse(rotated.stdout) as {
      readonly kid: string
      readonly signsFromDateTime: string
      readonly previous: { readonly kid: string; readonly publishedUntilDateTime: string }
    }
    assert.equal(previous.kid, oldKid)
    assert.equal(await signingKid(first.ready), kid)
    // The longest token lives a day, and clocks may differ by an hour.
    const overlapMs = Date.parse(previous.publishedUntilDateTime) - Date.parse(signsFromDateTime)
    assert.equal(overlapMs, 25 * 60 * 60 * 1000)
    assert.equal(await first.stop(), 0)

    const again = await tomte(t, ['platform', 'rotate-keys', '--data', data]).ended
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stdout, /^Tokens are signed with the new key [\w-]{27}\nThe key before it, /)
    assert.ok(again.stdout.includes(kid), again.stdout)
    const exported = await tomte(t, ['platform', 'export', '--data', data, '--json']).ended
    assert.equal(exported.code, 0, exported.stderr)
    assert.equal(exported.stdout.includes(secret), false)
    assert.doesNotMatch(exported.stdout, /PRIVATE KEY|secret_hash|sealed/)
    const [tenant] = (JSON.parse(exported.stdout) as { readonly tenants: Json[] }).tenants
    const [group] = (tenant?.['groups'] ?? []) as readonly Json[]
    assert.deepEqual(group?.['members'], [CLIENT, 'adele@fabrikam.example'])

    await writeFile(file, exported.stdout)
    const second = await started(t, copy, ['--seed', file])
    assert.equal(await second.stop(), 0)
    const copied = await tomte(t, ['platform', 'export', '--data', copy, '--json']).ended
    assert.equal(copied.stdout, exported.stdout)
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
      const ended = await tomte(t, args).ended
      assert.deepEqual([ended.code, ended.stdout, hasStack(ended)], [1, '', false])
      assert.equal(ended.stderr.split('\n')[0], message)
    }
  })

  it('refuses other machines without what that needs, with 1 and all that is missing', async (t) => {
    const folder = await temporaryFolder(t)
    const at = ['platform', '--port=0', '--data', join(folder, 'data'), '--host=0.0.0.0']
    const refused = await tomte(t, at).ended
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.equal(
      refused.stderr,
      "Cannot listen on '0.0.0.0', as a platform that other machines reach needs a certificate and its key (tls), the names by which it is reached (names), an administrator password (administratorPassword)\nNext: Give what is missing, or listen on localhost, which only this machine reaches\n",
    )
    const password = crypto.randomUUID()
    const named = await tomte(
      t,
      [...at, '--name=id.example', '--administrator-password=PORTAL', '--drills'],
      {
        environment: { PORTAL: password },
      },
    ).ended
    assert.equal(named.code, 1)
    assert.match(named.stderr, /needs a certificate and its key \(tls\), to be without drills/)
    assert.equal((named.stdout + named.stderr).includes(password), false)
  })

  it('shows the certificate of its names, and has the tenants, that the options name', async (t) => {
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
    const other = await tomte(t, ['platform', '--data', data, ...tls.slice(1, 3)]).ended
    assert.deepEqual(
      [other.code, other.stderr.split('\n')[0]],
      [2, 'error: --tls-certificate and --tls-key belong together'],
    )
    const args = [
      '--tenant=fabrikam.example=Fabrikam',
      '--tenant=woodgrove.example',
      '--allow-private-network-issuers',
      ...tls,
    ]
    const { stop } = await started(t, data, args)
    await stop()
    const { stdout } = await tomte(t, ['platform', 'export', '--data', data, '--json']).ended
    const names = (JSON.parse(stdout) as { readonly tenants: { readonly displayName: string }[] }).tenants
    assert.deepEqual(names.map(({ displayName }) => displayName).sort(), [
      'Contoso',
      'Fabrikam',
      'woodgrove.example',
    ])
  })
})
