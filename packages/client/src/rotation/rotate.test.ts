import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { certificate } from '../credential/certificate.ts'
import { clientSecret } from '../credential/secret.ts'
import { CredentialError, PermissionError, UnavailableError } from '../errors.ts'
import { CLIENT } from '../test-support.ts'
import { rotate, type RotateOptions } from './rotate.ts'
import {
  DAY_MS,
  fileWith,
  OBJECT_ID,
  OtherSide,
  pemOf,
  refusal,
  START_MS,
  thumbprintOf,
} from './rotation-test-support.ts'
import type { RotationStep } from './run.ts'
import type { CredentialStorage, Slot } from './storage.ts'

const EFFECTS = [
  'save next',
  'addKey',
  'save previous',
  'save current',
  'remove next',
  'removeKey',
  'remove previous',
]

/** An application with one registered certificate in a file, and another that is not its own. */
async function prepared(t: TestContext, days = 10, password?: string) {
  const side = await OtherSide.start(t)
  const pem = pemOf(days, 'daemon', password)
  const stranger = pemOf(500, 'stranger')
  const { folder, file } = fileWith(t, pem)
  side.registerKey(pem)
  side.registerKey(stranger, 'tomte rotation')
  const identity = side.identity(certificate({ file, password }))
  const directory = side.directory(identity)
  const options = { identity, directory, file, password, clock: side.clock }
  const run = (extra: Partial<RotateOptions> = {}) => rotate({ ...options, ...extra } as RotateOptions)
  return { side, pem, stranger: thumbprintOf(stranger), folder, file, identity, options, run }
}

type Prepared = Awaited<ReturnType<typeof prepared>>

/** Once all is done: one own certificate, in its place and registered, and nothing left over. */
async function assertDone({ side, stranger, folder, file, identity }: Prepared, old: string): Promise<void> {
  const now = thumbprintOf(readFileSync(file, 'utf8'))
  assert.notEqual(now, thumbprintOf(old))
  assert.deepEqual([...side.thumbprints].sort(), [stranger, now].sort())
  assert.deepEqual(readdirSync(folder), ['daemon'])
  assert.ok(await identity.getToken('api://orders/.default', { forceRefresh: true }))
}

describe('rotate', () => {
  it('replaces a certificate that ends soon: saved, registered, accepted, in place, then the old one removed', async (t) => {
    const world = await prepared(t)
    const { side, pem, file, run } = world
    const steps: RotationStep[] = []
    const outcome = await run({ onStep: (step) => steps.push(step) })
    const made = readFileSync(file, 'utf8')
    assert.deepEqual(outcome, {
      rotated: true,
      reason: 'due',
      oldThumbprint: thumbprintOf(pem),
      newThumbprint: thumbprintOf(made),
      expiresAtMs: START_MS + 90 * DAY_MS,
    })
    assert.deepEqual(
      steps.map(({ effect, when }) => `${when} ${effect}`),
      EFFECTS.flatMap((effect) => [`before ${effect}`, `after ${effect}`]),
    )
    assert.deepEqual(side.log, [
      'token',
      `GET (appId='${CLIENT}')`,
      `POST /${OBJECT_ID}/addKey`,
      'token',
      'token',
      'token',
      `POST /${OBJECT_ID}/removeKey`,
    ])
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.deepEqual(side.clock.slept, [2_000, 2_000, 60_000])
    await assertDone(world, pem)
  })

  it('does nothing, and asks nobody, while the certificate is good for longer', async (t) => {
    const { side, pem, run } = await prepared(t, 31)
    assert.deepEqual(await run(), {
      rotated: false,
      reason: 'not_due',
      oldThumbprint: undefined,
      newThumbprint: thumbprintOf(pem),
      expiresAtMs: START_MS + 31 * DAY_MS,
    })
    assert.deepEqual(side.log, [])
  })

  it('replaces it all the same when that is asked for', async (t) => {
    const world = await prepared(t, 400)
    const { rotated, reason } = await world.run({ force: true })
    assert.deepEqual([rotated, reason], [true, 'forced'])
    await assertDone(world, world.pem)
  })

  it('encrypts the new key with the password of the old one', async (t) => {
    const world = await prepared(t, 10, 'open it')
    await world.run()
    assert.match(readFileSync(world.file, 'utf8'), /BEGIN ENCRYPTED PRIVATE KEY/)
    await assertDone(world, world.pem)
  })

  for (const effect of EFFECTS) {
    it(`goes on where it was stopped after '${effect}', and the application gets tokens in between`, async (t) => {
      const world = await prepared(t)
      const { pem, run, identity } = world
      const stop = new AbortController()
      const onStep = (step: RotationStep) => {
        if (step.effect === effect && step.when === 'after') stop.abort(new Error('stopped'))
      }
      await assert.rejects(run({ onStep, signal: stop.signal }), /^Error: stopped$/)
      assert.ok(await identity.getToken('api://orders/.default', { forceRefresh: true }))
      const { reason, rotated } = await run()
      const isOver = effect === 'remove previous'
      assert.deepEqual([reason, rotated], isOver ? ['not_due', false] : ['resumed', true])
      await assertDone(world, pem)
    })
  }

  for (const action of ['addKey', 'removeKey']) {
    it(`goes on when the answer to ${action} is lost`, async (t) => {
      const world = await prepared(t)
      const { side, pem, run } = world
      let lost = 0
      side.interfere = ({ path, ...request }) => {
        if (!path.endsWith(action) || lost > 0) return undefined
        lost += 1
        side.interfere = () => undefined
        // The other side does what it is asked, and the answer never arrives.
        const body = JSON.parse(request.body)
        if (action === 'addKey')
          side.registerKey(
            `-----BEGIN CERTIFICATE-----\n${body.keyCredential.key}\n-----END CERTIFICATE-----`,
          )
        else
          side.keys.splice(
            side.keys.findIndex(({ keyId }) => keyId === body.keyId),
            1,
          )
        return (response) => void response.destroy()
      }
      await assert.rejects(run(), { name: 'UnavailableError', code: 'api_unreachable' })
      assert.equal(lost, 1)
      assert.equal((await run()).reason, 'resumed')
      await assertDone(world, pem)
    })
  }

  it('takes a key that the directory has and does not show yet for added', async (t) => {
    const world = await prepared(t)
    const { side, pem, run } = world
    const stop = new AbortController()
    const onStep = ({ effect }: RotationStep) => effect === 'addKey' && stop.abort(new Error('stopped'))
    await assert.rejects(run({ onStep, signal: stop.signal }), /stopped/)
    const shown = side.keys.slice(0, 2).map(({ keyId, certificate: { fingerprint } }) => ({
      keyId,
      customKeyIdentifier: Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64'),
    }))
    side.interfere = ({ method }) =>
      method === 'GET' ? { body: { id: OBJECT_ID, keyCredentials: shown } } : undefined
    await run()
    assert.ok(side.log.includes(`POST /${OBJECT_ID}/addKey`))
    await assertDone(world, pem)
  })

  it('waits until the token endpoint has accepted the new key three times in a row', async (t) => {
    const world = await prepared(t)
    world.side.replicating = 5
    await world.run()
    assert.deepEqual(world.side.clock.slept, [...Array<number>(7).fill(2_000), 60_000])
    await assertDone(world, world.pem)
  })

  it('begins to count anew when a server refuses what another has accepted', async (t) => {
    const world = await prepared(t)
    let asked = 0
    // The first is for the directory; of the new key the second is refused.
    world.side.interfere = ({ path }) => {
      if (path.endsWith('/token')) asked += 1
      else return undefined
      return asked === 3 ? { status: 401, body: { error: 'invalid_client' } } : undefined
    }
    await world.run()
    assert.deepEqual(world.side.clock.slept, [2_000, 2_000, 2_000, 2_000, 60_000])
    await assertDone(world, world.pem)
  })

  it('gives up waiting at its limit, and the old key stays in place', async (t) => {
    const { side, pem, file, run } = await prepared(t)
    side.replicating = 1_000
    await assert.rejects(run({ replicationMs: 10_000 }), (error) => {
      assert.ok(error instanceof CredentialError)
      assert.equal(error.code, 'invalid_client')
      return true
    })
    assert.equal(readFileSync(file, 'utf8'), pem)
    assert.equal(side.log.at(-1), 'token')
  })

  it('replaces a new key that was left long ago, whether or not it was registered', async (t) => {
    for (const isRegistered of [true, false]) {
      const world = await prepared(t)
      const { side, pem, file, run } = world
      const left = pemOf(20, 'left')
      writeFileSync(`${file}.next`, left)
      if (isRegistered) side.registerKey(left)
      await run()
      assert.equal(side.thumbprints.includes(thumbprintOf(left)), false)
      await assertDone(world, pem)
    }
  })

  it('never touches a certificate that is in none of its places, whatever its name', async (t) => {
    const { side, stranger, run } = await prepared(t)
    await run()
    await run({ force: true })
    assert.ok(side.thumbprints.includes(stranger))
  })

  it('removes no key on the word of one that is not registered', async (t) => {
    const { side, pem, file, options } = await prepared(t)
    writeFileSync(`${file}.previous`, pem)
    writeFileSync(file, pemOf(400, 'unknown'))
    side.registerPassword('another way in', 100)
    const identity = side.identity(clientSecret('another way in'))
    await assert.rejects(rotate({ ...options, identity, directory: side.directory(identity) }), {
      name: 'CredentialError',
      code: 'certificate_not_registered',
      message: `Cannot rotate the certificate ${thumbprintOf(readFileSync(file, 'utf8'))}, as it must be registered on application '${CLIENT}': found 2 others there`,
    })
    assert.ok(side.thumbprints.includes(thumbprintOf(pem)))
  })

  it('works with a storage of the caller, and with a lease of theirs', async (t) => {
    const { side, pem, options, folder } = await prepared(t)
    const slots = new Map<Slot, Uint8Array>([['current', Buffer.from(pem)]])
    const storage: CredentialStorage = {
      load: async (slot) => slots.get(slot),
      save: async (slot, content) => void slots.set(slot, content),
      remove: async (slot) => void slots.delete(slot),
    }
    const leases: string[] = []
    const lease = {
      lease: async (name: string, _holder: string, lifetimeMs: number) =>
        leases.push(`${name.length} ${lifetimeMs}`) > 0,
      release: async (name: string) => void leases.push(`${name.length} released`),
    }
    const { identity, directory, clock } = options
    const { rotated } = await rotate({ identity, directory, clock, storage, lease })
    assert.equal(rotated, true)
    assert.deepEqual([...slots.keys()], ['current'])
    assert.deepEqual(leases, ['43 1800000', '43 released'])
    assert.ok(side.thumbprints.includes(thumbprintOf(Buffer.from(slots.get('current') ?? '').toString())))
    assert.deepEqual(readdirSync(folder), ['daemon'])
  })

  it('leaves the work to the process that has the lease', async (t) => {
    const { side, run } = await prepared(t)
    const lease = { lease: async () => false, release: () => assert.fail('not held') }
    assert.deepEqual(await run({ lease }), {
      rotated: false,
      reason: 'leased',
      oldThumbprint: undefined,
      newThumbprint: undefined,
      expiresAtMs: undefined,
    })
    assert.deepEqual(side.log, [])
  })

  it('is done once by two that begin together', async (t) => {
    const world = await prepared(t)
    const outcomes = await Promise.all([world.run(), world.run()])
    assert.deepEqual(outcomes.map(({ reason }) => reason).sort(), ['due', 'leased'])
    await assertDone(world, world.pem)
  })

  it('says what to grant when the application may not read its registration', async (t) => {
    const { side, run } = await prepared(t)
    side.interfere = ({ method }) =>
      method === 'GET' ? refusal(403, 'Authorization_RequestDenied') : undefined
    await assert.rejects(run(), (error) => {
      assert.ok(error instanceof PermissionError)
      assert.equal(error.code, 'Authorization_RequestDenied')
      assert.equal(
        error.message,
        `Cannot rotate a credential of application '${CLIENT}', as it must read its own registration: found no permission to`,
      )
      assert.match(String(error.hint), /owner of itself and grant it Application\.ReadWrite\.OwnedBy/)
      return true
    })
  })

  it('says that an administrator has to act when the proof is refused', async (t) => {
    const { side, run } = await prepared(t)
    side.interfere = ({ path }) =>
      path.endsWith('/addKey') ? refusal(401, 'Authentication_MissingOrMalformed') : undefined
    await assert.rejects(run(), {
      name: 'CredentialError',
      code: 'proof_refused',
      message:
        'Cannot rotate the certificate, as the directory must accept the proof of the current key: ' +
        `Cannot POST /graph/v1.0/applications/${OBJECT_ID}/addKey: status 401, Authentication_MissingOrMalformed: Refused by the test.`,
    })
  })

  it('ends in time even if the other side keeps it busy', async (t) => {
    const { side, run } = await prepared(t)
    const onStep = ({ effect, when }: RotationStep) => {
      if (effect === 'addKey' && when === 'after') side.clock.pass(20 * 60_000)
    }
    await assert.rejects(run({ onStep }), (error) => {
      assert.ok(error instanceof UnavailableError)
      assert.equal(error.code, 'rotation_unfinished')
      assert.equal(
        error.message,
        'Cannot finish the rotation, as it has to end within 20 minutes: found steps left',
      )
      return true
    })
  })

  const REFUSED: readonly (readonly [Partial<RotateOptions>, string])[] = [
    [{ lifetimeDays: 0 }, 'lifetimeDays 0, as a number from 1 to 3650'],
    [{ lifetimeDays: 3651 }, 'lifetimeDays 3651, as a number from 1 to 3650'],
    [{ rotateWhenDaysLeft: 90 }, 'rotateWhenDaysLeft 90, as a number from 0 to 89.5'],
    [{ rotateWhenDaysLeft: Number.NaN }, 'rotateWhenDaysLeft NaN, as a number from 0 to 89.5'],
    [{ keyBits: 1024 }, 'keyBits 1024, as a number from 2048 to 8192'],
    [{ overlapMs: 900_001 }, 'overlapMs 900001, as a number from 0 to 900000'],
    [{ replicationMs: -1 }, 'replicationMs -1, as a number from 0 to 900000'],
  ]
  for (const [extra, said] of REFUSED) {
    it(`refuses ${JSON.stringify(extra)}`, async (t) => {
      const { run } = await prepared(t)
      await assert.rejects(run(extra), {
        name: 'ConfigurationError',
        code: 'rotation_option_invalid',
        message: `Cannot rotate with ${said} is needed`,
      })
    })
  }

  it('says so when there is no certificate to begin with', async (t) => {
    const { options } = await prepared(t)
    const storage = { load: async () => undefined, save: assert.fail, remove: assert.fail }
    const lease = { lease: async () => true, release: async () => {} }
    const { identity, directory } = options
    await assert.rejects(rotate({ identity, directory, storage, lease }), {
      name: 'ConfigurationError',
      code: 'certificate_missing',
      message: 'Cannot rotate the certificate, as one is needed that the application uses: found none',
    })
  })
})
