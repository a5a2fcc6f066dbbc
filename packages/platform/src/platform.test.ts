// Starting, stopping and starting again: what stays, and how each damaged file is named.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { startPlatform } from './platform.ts'
import { makeKey, temporaryFolder, World } from './test-support.ts'
import { makeLocalAuthority } from './tls/certificates.ts'

const YEAR_MS = 365 * 24 * 60 * 60 * 1000
const KEY_FILES = [
  'administrator-password',
  'certificate-authority.pem',
  'operator.pem',
  'signing-key-encryption.key',
]

let home: string
let intact: string
before(async () => {
  home = await temporaryFolder()
  intact = join(home, 'intact')
  await (await startPlatform({ dataFolder: intact, port: 0 })).close()
})
after(() => rm(home, { recursive: true, force: true }))

let copies = 0
/** A copy of a data folder that has been started once, with something done to it. */
async function spoiled(spoil: (folder: string) => Promise<unknown>): Promise<string> {
  const folder = join(home, `copy-${++copies}`)
  await cp(intact, folder, { recursive: true })
  await spoil(folder)
  return folder
}

const start = (dataFolder: string, port = 0) =>
  startPlatform({ dataFolder, port }).then((platform) => platform.close())

describe('a platform that is started again', () => {
  it('is the same: authority, tenant, operator, keys and data', async () => {
    const folder = join(home, 'again')
    const first = await World.start(folder)
    const token = await first.token(await first.operator())
    await first.user('ada')
    const { text } = await first.send(`/${first.tenantId}/discovery/v2.0/keys`)
    await first.stop()

    const second = await World.start(folder)
    assert.equal(second.platform.ca, first.platform.ca)
    assert.equal(await readFile(second.platform.caFile, 'utf8'), `${first.platform.ca}\n`)
    assert.deepEqual(second.platform.operator, first.platform.operator)
    const again = await second.send(`/${first.tenantId}/discovery/v2.0/keys`)
    const keys = (answer: string) => answer.replaceAll(/localhost:\d+/g, 'localhost')
    assert.equal(keys(again.text), keys(text))
    assert.equal((await second.graph('GET', '/users/ada@contoso.example', undefined, token)).status, 200)
    await second.stop()
  })

  it('lists its key files, and keeps them from others', async () => {
    const platform = await startPlatform({ dataFolder: intact, port: 0 })
    const listed = platform.keyFiles.list.map(({ file }) => file).sort()
    await platform.close()
    assert.deepEqual(
      listed,
      KEY_FILES.map((name) => join(intact, 'keys', name)),
    )
    if (process.platform === 'win32') return
    for (const file of listed) assert.equal((await stat(file)).mode & 0o777, 0o600, file)
    assert.equal((await stat(join(intact, 'keys'))).mode & 0o777, 0o700)
    assert.equal((await stat(intact)).mode & 0o777, 0o700)
  })

  it('writes no private key and no password anywhere but into its key files', async () => {
    const secrets = await Promise.all(KEY_FILES.map((name) => readFile(join(intact, 'keys', name), 'utf8')))
    const [password = '', authority = '', operator = '', sealing = ''] = secrets
    for (const name of ['platform.db', 'ca.pem']) {
      const bytes = await readFile(join(intact, name))
      assert.equal(bytes.includes('PRIVATE KEY'), false, name)
      for (const secret of [password, sealing]) assert.equal(bytes.includes(secret.trim()), false, name)
      for (const pem of [authority, operator]) {
        const lines = pem.slice(pem.indexOf('-----BEGIN PRIVATE KEY-----')).split('\n')
        assert.equal(bytes.includes(lines[1] ?? '?'), false, name)
      }
    }
  })
})

const AUTHORITY = 'certificate-authority.pem'
const AUTHORITY_PURPOSE = 'private certificate authority: certificate and key'
const AUTHORITY_HINT =
  'Restore it from a copy, or delete it: the next start makes a new one, and clients have to trust the new ca.pem'
const OPERATOR = 'operator.pem'
const OPERATOR_PURPOSE = 'operator application: certificate and key'
const OPERATOR_HINT =
  'Restore it from a copy, or move the data folder away: the next start makes a new operator in a new directory'
const BEGIN = '-----BEGIN CERTIFICATE-----'

describe('a start', () => {
  const validity = { notBeforeMs: 0, notAfterMs: 60 * YEAR_MS }
  const swap = async (make: () => Promise<{ certificate: string; privateKey: string }>, pem: string) =>
    `${(await make()).certificate}\n${pem.slice(pem.indexOf('-----BEGIN PRIVATE KEY-----'))}`

  for (const [file, purpose, hint, make] of [
    [AUTHORITY, AUTHORITY_PURPOSE, AUTHORITY_HINT, () => makeLocalAuthority('another', validity)],
    [OPERATOR, OPERATOR_PURPOSE, OPERATOR_HINT, () => makeKey(YEAR_MS)],
  ] as const) {
    const damages: readonly (readonly [string, (pem: string) => string | Promise<string>])[] = [
      ['is empty', () => ''],
      ['is no PEM', () => 'hello'],
      ['has no key', (pem) => pem.slice(0, pem.indexOf('-----BEGIN PRIVATE KEY-----'))],
      ['has no certificate', (pem) => pem.slice(pem.indexOf('-----BEGIN PRIVATE KEY-----'))],
      ['has a damaged certificate', (pem) => pem.replace(BEGIN, `${BEGIN}\nAAAA`)],
      ['has a damaged key', (pem) => pem.replace('PRIVATE KEY-----\n', 'PRIVATE KEY-----\nAAAA')],
      ['has a key of nonsense', (pem) => pem.replace(/(PRIVATE KEY-----\n)[^-]+/, '$1AAAA\n')],
      ['has the key of another certificate', (pem) => swap(make, pem)],
    ]
    for (const [what, damage] of damages) {
      it(`ends in one PlatformError if ${file} ${what}`, async () => {
        const folder = await spoiled(async (copy) => {
          const path = join(copy, 'keys', file)
          await writeFile(path, await damage(await readFile(path, 'utf8')))
        })
        await assert.rejects(start(folder), {
          name: 'PlatformError',
          code: 'key_file_damaged',
          message: `Cannot use the key file '${join(folder, 'keys', file)}' (${purpose}), as it must hold both in PEM: it is damaged`,
          hint,
        })
      })
    }
  }

  it('ends in one PlatformError if operator.pem is gone', async () => {
    const folder = await spoiled((copy) => rm(join(copy, 'keys', OPERATOR)))
    await assert.rejects(start(folder), {
      name: 'PlatformError',
      code: 'key_file_missing',
      message: `Cannot use the key file '${join(folder, 'keys', OPERATOR)}' (${OPERATOR_PURPOSE}), as the directory knows its certificate: the file is missing`,
      hint: OPERATOR_HINT,
    })
  })

  it('makes a new certificate authority if the old one was deleted', async () => {
    const folder = await spoiled((copy) => rm(join(copy, 'keys', AUTHORITY)))
    const before = await readFile(join(folder, 'ca.pem'), 'utf8')
    await start(folder)
    assert.notEqual(await readFile(join(folder, 'ca.pem'), 'utf8'), before)
  })

  it('ends in one PlatformError if ca.pem cannot be written', async () => {
    const folder = await spoiled(async (copy) => {
      await rm(join(copy, 'ca.pem'))
      await mkdir(join(copy, 'ca.pem', 'in-the-way'), { recursive: true })
    })
    const file = join(folder, 'ca.pem')
    await assert.rejects(start(folder), (error: Error & { code?: string }) => {
      assert.deepEqual([error.name, error.code], ['PlatformError', 'data_folder_unusable'])
      assert.ok(
        error.message.startsWith(
          `Cannot write '${file}', as clients read the certificate authority there: E`,
        ),
      )
      return true
    })
  })

  const SEALING = 'signing-key-encryption.key'
  it('ends in one PlatformError under another sealing key', async () => {
    const folder = await spoiled((copy) =>
      writeFile(join(copy, 'keys', SEALING), randomBytes(32).toString('base64')),
    )
    await assert.rejects(start(folder), (error: Error & { code?: string }) => {
      assert.deepEqual([error.name, error.code], ['PlatformError', 'signing_key_sealed'])
      assert.match(
        error.message,
        /^Cannot open the signing key '[\w-]{27}', as the key file that sealed it is needed: another key, or damaged data, was found$/,
      )
      return true
    })
  })

  it('ends in one PlatformError under a sealing key of another length', async () => {
    const folder = await spoiled((copy) =>
      writeFile(join(copy, 'keys', SEALING), randomBytes(16).toString('base64')),
    )
    await assert.rejects(start(folder), {
      name: 'PlatformError',
      code: 'sealing_key_invalid',
      message: `Cannot use the key in ${join(folder, 'keys', SEALING)}, as 32 bytes in base64 are needed: found 16 bytes`,
    })
  })

  it('ends in one PlatformError if the port is taken, and leaves the folder free', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, 'localhost', resolve))
    const { port } = other.address() as AddressInfo
    const folder = await spoiled(async () => {})
    await assert.rejects(start(folder, port), {
      name: 'PlatformError',
      code: 'port_unavailable',
      message: `Cannot listen on port ${port} of localhost, as the port must be free: another program listens there`,
      hint: 'Stop the other program, or choose another port with --port',
    })
    other.close()
    await start(folder)
  })

  it('has no private key in any error it ends in', async () => {
    const folder = await spoiled(async (copy) => {
      const path = join(copy, 'keys', AUTHORITY)
      const pem = await readFile(path, 'utf8')
      await writeFile(path, pem.replace('PRIVATE KEY-----\n', 'PRIVATE KEY-----\nAAAA'))
    })
    const pem = await readFile(join(folder, 'keys', AUTHORITY), 'utf8')
    const line = pem.split('PRIVATE KEY-----\n')[1]?.split('\n')[1] ?? '?'
    await assert.rejects(start(folder), (error: Error) => {
      assert.equal(inspect(error, { depth: 9, showHidden: true }).includes(line), false)
      return true
    })
  })
})
