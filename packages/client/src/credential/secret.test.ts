import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { newFile, proofOf } from './proof-support.ts'
import { clientSecret } from './secret.ts'

const empty = {
  name: 'ConfigurationError',
  code: 'secret_empty',
  message: 'Cannot use the client secret, as its value is needed: found an empty text',
  hint: 'Set it to the value that was shown when the secret was made, not to its id',
}

describe('clientSecret', () => {
  it('sends the secret in the form, unchanged', async () => {
    const secret = ` ${crypto.randomUUID()}~&=+%é `
    assert.deepEqual(await proofOf(clientSecret(secret)), { body: { client_secret: secret }, headers: {} })
  })

  it('sends it in the Authorization header, both halves form-encoded', async () => {
    const random = crypto.randomUUID()
    const { body, headers } = await proofOf(clientSecret(`${random}: +%é`, { method: 'basic' }))
    const [scheme, credentials = ''] = (headers['authorization'] ?? '').split(' ')
    assert.deepEqual([body, scheme, Object.keys(headers)], [{}, 'Basic', ['authorization']])
    assert.equal(
      Buffer.from(credentials, 'base64').toString(),
      `a+daemon%3A+n%C3%A4me%2B1:${random}%3A+%2B%25%C3%A9`,
    )
  })

  it('reads it from a file, without the blanks around it, and again when the file has changed', async (t) => {
    const file = await newFile(t)
    const credential = clientSecret({ file })
    for (const secret of [crypto.randomUUID(), `${crypto.randomUUID()}-2`]) {
      await writeFile(file, `\n ${secret} \r\n`)
      assert.deepEqual((await proofOf(credential)).body, { client_secret: secret })
    }
    await writeFile(file, ' \n')
    await assert.rejects(proofOf(credential), empty)
  })

  it('is not made of nothing', () => {
    assert.throws(() => clientSecret(''), empty)
  })

  it('fails when it is used and its file is not there', async (t) => {
    const file = await newFile(t)
    await assert.rejects(proofOf(clientSecret({ file })), { code: 'credential_file_unreadable' })
  })
})
