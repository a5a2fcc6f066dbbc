import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { newFile } from '../credential/proof-support.ts'
import type { Answer, Received } from '../test-support.ts'
import { azureArc } from './azure-arc.ts'
import { identityAnswer, identityOn, inAnHour, plainServer, VAULT } from './test-support.ts'

const arcAt = (origin: string) => ({
  IDENTITY_ENDPOINT: `${origin}/metadata/identity/oauth2/token`,
  IMDS_ENDPOINT: origin,
})

const challenge = (realm: string): Answer => ({
  status: 401,
  headers: { 'www-authenticate': `Basic realm=${realm}` },
})

/** A machine whose agent names a key file, and gives a token to who has read it. */
async function arcMachine(t: TestContext, realm: (folder: string) => string | Promise<string>) {
  const folder = dirname(await newFile(t))
  const named = await realm(folder)
  const agent = await plainServer(t, ({ headers }: Received) =>
    headers.authorization === undefined ? challenge(named) : identityAnswer('a-token', inAnHour(clock)),
  )
  const { identity, clock } = identityOn(arcAt(agent.origin), { arcKeyFolder: folder })
  return { identity, folder, named, received: agent.received }
}

const KEY = crypto.randomUUID()

describe('ManagedIdentity on Azure Arc', () => {
  for (const [name, content] of [
    ['alone', KEY],
    ['with a line break behind it', `${KEY}\r\n`],
  ] as const) {
    it(`proves itself by the key file that the challenge names, the key ${name}`, async (t) => {
      const { identity, received } = await arcMachine(t, async (folder) => {
        const file = join(folder, 'one.key')
        await writeFile(file, content)
        return file
      })
      assert.equal((await identity.getToken(VAULT)).token, 'a-token')
      assert.deepEqual(
        received.map(({ headers, path }) => [headers.authorization, path]),
        [undefined, `Basic ${KEY}`].map((proof) => [
          proof,
          '/metadata/identity/oauth2/token?api-version=2020-06-01&resource=https%3A%2F%2Fvault.azure.net',
        ]),
      )
      assert.equal(identity.tokenRequests, 2)
    })
  }

  it('asks once more and no more when the key is refused', async (t) => {
    const file = await newFile(t, 'one.key')
    await writeFile(file, KEY)
    const { origin, received } = await plainServer(t, () => challenge(file))
    const { identity } = identityOn(arcAt(origin), { arcKeyFolder: dirname(file) })
    await assert.rejects(identity.getToken(VAULT), {
      name: 'ConfigurationError',
      code: 'http_401',
      message:
        "Cannot get a managed identity's token for 'https://vault.azure.net' from Azure Arc: HTTP status 401",
    })
    assert.equal(received.length, 2)
  })

  for (const [name, realm] of [
    ['in another folder', () => '/etc/shadow.key'],
    ['in a folder below', (folder: string) => join(folder, 'deep', 'one.key')],
    ['that climbs out', (folder: string) => `${folder}/../one.key`],
    ['that climbs out and in', (folder: string) => `${folder}/../${folder.split('/').at(-1)}/one.key`],
    ['beside the folder', (folder: string) => `${folder}-two/one.key`],
    ['without .key', (folder: string) => join(folder, 'one')],
    ['of another ending', (folder: string) => join(folder, 'one.key.pem')],
    ['without a name', (folder: string) => join(folder, '.key')],
    ['that is relative', () => 'one.key'],
    ['that is empty', () => ''],
  ] as const) {
    it(`reads no file ${name}`, async (t) => {
      const { identity, folder, named, received } = await arcMachine(t, realm)
      const found = /^\S/.test(named) ? named : ''
      await assert.rejects(identity.getToken(VAULT), {
        name: 'ProtocolError',
        code: 'arc_challenge_invalid',
        message: `Cannot prove this program to Azure Arc, as its challenge must name a .key file in '${folder}': found '${found}'`,
        hint: 'Check that it is the Azure Connected Machine agent that listens at IDENTITY_ENDPOINT',
      })
      assert.equal(received.length, 1)
    })
  }

  it('refuses a challenge of another kind, and none at all', async (t) => {
    for (const headers of [{ 'www-authenticate': 'Bearer realm=/x.key' }, {}]) {
      const { origin } = await plainServer(t, () => ({ status: 401, headers }))
      const { identity } = identityOn(arcAt(origin))
      await assert.rejects(identity.getToken(VAULT), { code: 'arc_challenge_invalid' })
    }
  })

  for (const [name, make, found] of [
    [
      'a file that is too large',
      (file: string) => writeFile(file, 'k'.repeat(4097)),
      'no file of at most 4096 bytes',
    ],
    ['a folder', (file: string) => mkdir(file), 'no file of at most 4096 bytes'],
    ['a link', (file: string) => symlink('/etc/hostname', file), 'ELOOP'],
    ['a pipe', (file: string) => void execFileSync('mkfifo', [file]), 'no file of at most 4096 bytes'],
    ['nothing', () => undefined, 'ENOENT'],
    ['an empty file', (file: string) => writeFile(file, ' \n'), 'no text for a header'],
    ['a file with two lines', (file: string) => writeFile(file, 'a\nb'), 'no text for a header'],
  ] as const) {
    it(`sends nothing of ${name}`, async (t) => {
      const { identity, named, received } = await arcMachine(t, async (folder) => {
        const file = join(folder, 'one.key')
        await make(file)
        return file
      })
      await assert.rejects(identity.getToken(VAULT), {
        name: 'ConfigurationError',
        code: 'arc_key_unreadable',
        message: `Cannot read the key file '${named}', by which Azure Arc proves its callers: found ${found}`,
        hint: "Run the program as a member of the group 'himds', or as an administrator",
      })
      assert.equal(received.length, 1)
    })
  }

  it('sends a key of the largest size whole', async (t) => {
    const key = 'k'.repeat(4096)
    const { identity, received } = await arcMachine(t, async (folder) => {
      await writeFile(join(folder, 'one.key'), key)
      return join(folder, 'one.key')
    })
    await identity.getToken(VAULT)
    assert.equal(received[1]?.headers.authorization, `Basic ${key}`)
  })
})

describe('azureArc', () => {
  it('knows the folders of the agent on each system', async () => {
    const named = arcAt('http://127.0.0.1:1')
    for (const [platform, environment, folder] of [
      ['linux', {}, '/var/opt/azcmagent/tokens'],
      ['win32', {}, 'C:\\ProgramData\\AzureConnectedMachineAgent\\Tokens'],
      ['win32', { ProgramData: 'D:\\Data' }, 'D:\\Data\\AzureConnectedMachineAgent\\Tokens'],
    ] as const) {
      const source = await azureArc({ ...named, ...environment }, { platform })
      const asked = source?.prove?.('Basic realm=/elsewhere/x.key')
      await assert.rejects(asked ?? Promise.resolve(), (error: Error) =>
        error.message.includes(`in '${folder}'`),
      )
      const separator = platform === 'win32' ? '\\' : '/'
      const inside = source?.prove?.(`Basic realm=${folder}${separator}x.key`)
      await assert.rejects(inside ?? Promise.resolve(), { code: 'arc_key_unreadable' })
    }
  })
})
