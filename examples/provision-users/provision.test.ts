import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeSelfSigned } from '@tomte/platform'
import { COLUMNS } from './job/person.ts'
import { assertNoSecrets } from './secrets-support.ts'
import { directoryPeople, document, platformOfSuite, platformWithDaemon } from './test-support.ts'

const HEADER = COLUMNS.join(',')
const YEAR_MS = 365 * 24 * 60 * 60 * 1000
const row = (id: string, more: Partial<Record<(typeof COLUMNS)[number], string>> = {}) =>
  COLUMNS.map(
    (column) =>
      ({
        givenName: 'Åsa',
        surname: "O'Hara",
        username: `asa.${id}`,
        jobTitle: 'Planner',
        ...more,
        employeeId: id,
      })[column as 'jobTitle'] ?? '',
  ).join(',')

describe('the provisioning job', () => {
  it('creates, updates and disables as the file says, and never touches whom it does not name', async (t) => {
    const { folder, platform, provision } = await platformWithDaemon(t)
    const file = join(folder, 'people.csv')
    await writeFile(file, `${HEADER}\n${row('E1')}\n${row('E2', { managerId: 'E1' })}\n${row('E3')}\n`)
    const first = document(await provision([`file=${file}`]))
    assert.deepEqual([first.created, first.unchanged, first.rejected.length], [3, 0, 0])

    await writeFile(
      file,
      `${HEADER}\r\n${row('E1', { endDate: '2020-01-31' })}\r\n${row('E2', { jobTitle: 'Director' })}\r\n`,
    )
    const second = document(await provision([`file=${file}`]))
    assert.deepEqual([second.updated, second.disabled, second.unchanged, second.notInFile], [2, 1, 0, 1])
    const people = await directoryPeople(platform)
    const told = people.map(({ employeeId, accountEnabled, jobTitle }) => [
      employeeId,
      accountEnabled,
      jobTitle,
    ])
    assert.deepEqual(told, [
      ['E1', false, 'Planner'],
      ['E2', true, 'Director'],
      ['E3', true, 'Planner'],
    ])
  })

  it('rejects a bad row by its line and reason, and goes on with the others', async (t) => {
    const { folder, provision } = await platformWithDaemon(t)
    const file = join(folder, 'people.csv')
    const lines = [
      HEADER,
      row('E1'),
      'E2,only,three',
      row('E3', { surname: '' }),
      row('', { username: 'nobody' }),
      row('E4', { startDate: '31/01/2025' }),
      row('E5', { username: 'ÅSA' }),
      row('e1', { username: 'again' }),
      row('E6', { officeLocation: '"open' }),
      row('E7', { officeLocation: '"closed"x' }),
      row('E8', { surname: 'x'.repeat(65) }),
      row('E9', { username: 'asa.E1' }),
      row('E10', { officeLocation: '"two\nlines"' }),
      row('E11', { managerId: 'E11' }),
    ]
    await writeFile(file, lines.join('\n'))
    const counts = document(await provision([`file=${file}`]))
    assert.deepEqual(
      counts.rejected.map(({ line, reason }) => `${line}: ${reason}`),
      [
        '3: the row has 3 fields, and 10 are needed',
        '4: the surname is missing',
        '5: the employee id is missing',
        '6: the start date is not a date of the form 2026-01-31',
        '7: the username holds more than letters, digits, dots and hyphens',
        '8: employee id e1 stands in line 2 already',
        '9: a quotation mark is opened and not closed',
        '10: a quoted field goes on after its closing quotation mark',
        '11: the surname is longer than 64 characters',
        '12: the directory refused it with status 400: Another object with the same value for property userPrincipalName already exists.',
      ],
    )
    assert.deepEqual([counts.rows, counts.created], [13, 3])
    assert.deepEqual(counts.warnings, [
      {
        line: 15,
        reason:
          'no manager set: the directory refused it with status 400: A user cannot be their own manager.',
      },
    ])
  })

  it('leaves alone an account that somebody disabled, and says so', async (t) => {
    const { folder, directory, provision } = await platformWithDaemon(t)
    const file = join(folder, 'people.csv')
    await writeFile(file, `${HEADER}\n${row('E1')}\n`)
    await provision([`file=${file}`])
    await directory.patch('/users/asa.E1@contoso.example', { accountEnabled: false })
    const counts = document(await provision([`file=${file}`]))
    assert.deepEqual([counts.unchanged, counts.updated], [1, 0])
    assert.match(counts.warnings[0]?.reason ?? '', /^the account is disabled in the directory although/)
  })

  it('rejects a row whose employee id several people have', async (t) => {
    const { folder, directory, provision } = await platformWithDaemon(t)
    const file = join(folder, 'people.csv')
    await writeFile(file, `${HEADER}\n${row('E1')}\n`)
    for (const name of ['one', 'two']) {
      await directory.post('/users', {
        accountEnabled: true,
        displayName: name,
        mailNickname: name,
        userPrincipalName: `${name}@contoso.example`,
        employeeId: 'E1',
        passwordProfile: { password: `${crypto.randomUUID()}A` },
      })
    }
    const counts = document(await provision([`file=${file}`]))
    assert.deepEqual(counts.rejected, [
      { line: 2, reason: 'the directory holds 2 people with employee id E1: it must be one' },
    ])
  })
})

// How else a file can be unfit is told by job/people-file.test.ts; here is seen what its user sees.
describe('a file that cannot be provisioned', () => {
  const stage = platformOfSuite()
  const cases: readonly (readonly [string, Buffer | undefined, RegExp])[] = [
    [
      'is missing',
      undefined,
      /^Cannot read the people in '.*', as a CSV file is needed there: there is no such file$/m,
    ],
    [
      'is binary',
      Buffer.concat([Buffer.from(`${HEADER}\n`), Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0])]),
      /as it must be CSV text in UTF-8: it holds bytes that are no such text$/m,
    ],
    [
      'lacks a column',
      Buffer.from(`${HEADER.replace(',surname', '')}\nE1\n`),
      /: it lacks the column surname$/m,
    ],
  ]
  for (const [how, content, message] of cases) {
    it(`ends the job with one message when it ${how}, and nothing is changed`, async () => {
      const { folder, platform, provision } = stage()
      const file = join(folder, how)
      if (content) await writeFile(file, content)
      const ended = await provision([`file=${file}`])
      assert.equal(ended.code, 1)
      assert.match(ended.stderr, message)
      assert.equal(ended.stderr.match(/^Cannot /gm)?.length, 1)
      assert.ok(JSON.parse(ended.stdout).error.code.startsWith('people_file_'))
      assert.deepEqual(await directoryPeople(platform), [])
    })
  }
})

describe('a daemon that cannot sign in', () => {
  const stage = platformOfSuite()
  const pem = async (notBeforeMs: number, notAfterMs: number) => {
    const made = await makeSelfSigned('another', { notBeforeMs, notAfterMs })
    return { text: `${made.certificate}\n${made.privateKey}\n`, ...made }
  }
  const cases: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
    [
      'is not registered',
      async () => (await pem(Date.now(), Date.now() + YEAR_MS)).text,
      /AADSTS700027: .*The key was not found.*\nNext: Register the public half of this certificate/,
    ],
    [
      'has expired',
      async () => (await pem(Date.now() - 2 * YEAR_MS, Date.now() - YEAR_MS)).text,
      /^Cannot sign in with the certificate in '.*': it expired at .*\nNext: Make a new certificate/,
    ],
    [
      'does not belong to its key',
      async () => {
        const [one, other] = [
          await pem(Date.now(), Date.now() + YEAR_MS),
          await pem(Date.now(), Date.now() + YEAR_MS),
        ]
        return `${one.certificate}\n${other.privateKey}\n`
      },
      /holds a private key that belongs to none of its certificates \(CN=another\)\nNext: /,
    ],
  ]
  for (const [how, make, message] of cases) {
    it(`ends with one message when its certificate ${how}`, async () => {
      const { folder, provision } = stage()
      const file = join(folder, 'certificate.pem')
      await writeFile(file, await make())
      const ended = await provision([], { AZURE_CLIENT_CERTIFICATE_PATH: file })
      assert.equal(ended.code, 1)
      assert.match(ended.stderr, message)
      assert.equal(ended.stderr.match(/^Cannot /gm)?.length, 1)
    })
  }

  it('ends with one message when the tenant does not exist', async () => {
    const { provision } = stage()
    const ended = await provision([], { AZURE_TENANT_ID: 'fabrikam.example' })
    assert.equal(ended.code, 1)
    assert.match(
      ended.stderr,
      /^Cannot get a token .*AADSTS90002: Tenant 'fabrikam\.example' not found\..*\nNext: Check the tenant \(AZURE_TENANT_ID\)/,
    )
  })

  it('ends with one message when neither environment nor configuration has its identity', async () => {
    const { provision } = stage()
    const ended = await provision([], { AZURE_CLIENT_ID: '', AZURE_TENANT_ID: '' })
    assert.equal(ended.code, 1)
    assert.match(
      ended.stderr,
      /^Cannot make the identity of the configuration in '.*tomte\.config\.ts', as .* are needed: missing identity\.tenantId \(or AZURE_TENANT_ID\), identity\.clientId \(or AZURE_CLIENT_ID\)\nNext: /,
    )
  })
})

describe('what is printed and stored', () => {
  it('holds no private key, secret, assertion or token outside the listed key files', async (t) => {
    const { folder, platform, provision } = await platformWithDaemon(t)
    const file = join(folder, 'people.csv')
    await writeFile(file, `${HEADER}\n${row('E1')}\n`)
    const ended = await provision([`file=${file}`])
    assert.equal(ended.code, 0, ended.stderr)
    await mkdir(join(folder, 'printed'))
    await writeFile(join(folder, 'printed', 'output'), ended.stdout + ended.stderr)

    await assertNoSecrets(
      folder,
      platform.keyFiles.list.map((one) => one.file),
    )
  })
})
