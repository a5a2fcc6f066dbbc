import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { federatedTokenFile, signedAssertion } from './assertion.ts'
import { CONTEXT, newFile, proofOf } from './proof-support.ts'

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const newJwt = () => ['header', 'claims', crypto.randomUUID()].join('.')

const malformed = (from: string) => ({
  name: 'ConfigurationError',
  code: 'assertion_malformed',
  message: `Cannot use the assertion of ${from}, as a signed JWT is needed: found something else`,
  hint: 'Return the token itself, in its compact form, without quotes or line breaks inside',
})

describe('signedAssertion', () => {
  it('asks for an assertion at every request and sends it as it is', async () => {
    const jwts = [newJwt(), newJwt()]
    const contexts: unknown[] = []
    const credential = signedAssertion((context) => {
      contexts.push(context)
      return jwts[contexts.length - 1] ?? ''
    })
    for (const jwt of jwts) {
      const body = { client_assertion_type: TYPE, client_assertion: jwt }
      assert.deepEqual(await proofOf(credential), { body, headers: {} })
    }
    assert.deepEqual(contexts, [CONTEXT, CONTEXT])
  })

  it('waits for a promise and passes on why it fails', async () => {
    const jwt = newJwt()
    const { body } = await proofOf(signedAssertion(() => Promise.resolve(jwt)))
    assert.equal(body['client_assertion'], jwt)
    const fault = new Error('the vault is closed')
    await assert.rejects(proofOf(signedAssertion(() => Promise.reject(fault))), fault)
  })

  const random = crypto.randomUUID()
  const unsigned = ['', random, `a.${random}`, `a.b.${random}.d`, `a.b.${random} `, `"a.b.${random}"`]
  for (const wrong of [...unsigned, 'a.b.', `a.b.\n${random}`, undefined, 5]) {
    it(`refuses ${JSON.stringify(wrong)?.replace(random, '…')} without repeating it`, async () => {
      const error: unknown = await proofOf(signedAssertion(() => wrong as string)).catch(
        (caught: unknown) => caught,
      )
      assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(random))
      await assert.rejects(Promise.reject(error as Error), malformed('the function'))
    })
  }
})

describe('federatedTokenFile', () => {
  it('sends the token of the file, and the next one as soon as it is there', async (t) => {
    const file = await newFile(t)
    const credential = federatedTokenFile(file)
    for (const jwt of [newJwt(), `${newJwt()}2`]) {
      await writeFile(file, `${jwt}\n`)
      const { body } = await proofOf(credential)
      assert.deepEqual(body, { client_assertion_type: TYPE, client_assertion: jwt })
    }
  })

  it('names the file that holds no token or is not there', async (t) => {
    const file = await newFile(t)
    const credential = federatedTokenFile(file)
    await assert.rejects(proofOf(credential), { code: 'credential_file_unreadable' })
    await writeFile(file, 'not yet')
    await assert.rejects(proofOf(credential), malformed(`the file '${file}'`))
  })
})
