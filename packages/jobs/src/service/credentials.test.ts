import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../test-support.ts'
import { withServiceCredentials } from './credentials.ts'

describe('withServiceCredentials', () => {
  it('adds the path of files that stay files, and the content of the others without its line end', async (t) => {
    const folder = await temporaryFolder(t)
    await writeFile(join(folder, 'certificate.pem'), 'PEM\n')
    await writeFile(join(folder, 'client-secret'), 'hush \n')
    await writeFile(join(folder, 'other'), 'nobody asks for it')
    assert.deepEqual(await withServiceCredentials({ CREDENTIALS_DIRECTORY: folder }), {
      CREDENTIALS_DIRECTORY: folder,
      AZURE_CLIENT_CERTIFICATE_PATH: join(folder, 'certificate.pem'),
      AZURE_CLIENT_SECRET: 'hush ',
    })
  })

  it('leaves what the environment says, and an environment without a folder', async (t) => {
    const folder = await temporaryFolder(t)
    await writeFile(join(folder, 'client-secret'), 'other')
    const environment = { CREDENTIALS_DIRECTORY: folder, AZURE_CLIENT_SECRET: 'mine' }
    assert.deepEqual(await withServiceCredentials(environment), environment)
    assert.deepEqual(await withServiceCredentials({ A: 'b' }), { A: 'b' })
  })

  for (const [what, content, found] of [
    ['empty', '\n', 'an empty file'],
    ['too long', 'x'.repeat(65_537), '65537 bytes'],
  ] as const) {
    it(`refuses a file that is ${what}, without telling its content`, async (t) => {
      const folder = await temporaryFolder(t)
      const file = join(folder, 'client-secret')
      await writeFile(file, content)
      await assert.rejects(withServiceCredentials({ CREDENTIALS_DIRECTORY: folder }), {
        name: 'JobError',
        code: 'credential_unreadable',
        message: `Cannot read the credential '${file}', as it must be a readable file of 1 to 65,536 bytes: found ${found}`,
      })
    })
  }
})
