import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { clientSecret } from '../credential/secret.ts'
import { CLIENT } from '../test-support.ts'
import { rotateSecret, type RotateSecretOptions } from './rotate-secret.ts'
import { DAY_MS, fileWith, OBJECT_ID, OtherSide, refusal, START_MS } from './rotation-test-support.ts'
import type { RotationStep } from './run.ts'
import { credentialFiles } from './storage.ts'

const EFFECTS = [
  'addPassword',
  'save next',
  'save previous',
  'save current',
  'remove next',
  'removePassword',
  'remove previous',
]
const OWNER = 'the host of the test'
const NAME = `tomte rotation: ${OWNER}`

/** An application with one registered secret in a file, and another that is not its own. */
async function prepared(t: TestContext, days = 10) {
  const side = await OtherSide.start(t)
  const { folder, file } = fileWith(t, 'first secret\n')
  const first = side.registerPassword('first secret', days)
  const stranger = side.registerPassword('of another host', 5, 'tomte rotation: another host')
  const identity = side.identity(clientSecret({ file }))
  const options = { identity, directory: side.directory(identity), file, clock: side.clock, owner: OWNER }
  const run = (extra: Partial<RotateSecretOptions> = {}) =>
    rotateSecret({ ...options, ...extra } as RotateSecretOptions)
  return { side, first, stranger, folder, file, identity, options, run }
}

type Prepared = Awaited<ReturnType<typeof prepared>>

/** Once all is done: one own secret, in its place and registered, and nothing left over. */
async function assertDone({ side, stranger, folder, file, identity }: Prepared): Promise<void> {
  const text = readFileSync(file, 'utf8')
  assert.notEqual(text, 'first secret\n')
  assert.deepEqual(
    side.passwords.map((one) => [one.keyId === stranger || one.text, one.displayName]),
    [
      [true, 'tomte rotation: another host'],
      [text, NAME],
    ],
  )
  assert.deepEqual(readdirSync(folder), ['daemon'])
  assert.ok(await identity.getToken('api://orders/.default', { forceRefresh: true }))
}

describe('rotateSecret', () => {
  it('replaces a secret that ends soon: made, saved, accepted, in place, then the old one removed', async (t) => {
    const world = await prepared(t)
    const { side, run } = world
    const steps: RotationStep[] = []
    const outcome = await run({ onStep: (step) => steps.push(step) })
    assert.deepEqual(outcome, {
      rotated: true,
      reason: 'due',
      keyId: side.passwords[1]?.keyId,
      expiresAtMs: START_MS + 90 * DAY_MS,
    })
    assert.deepEqual(
      steps.map(({ effect, when }) => `${when} ${effect}`),
      EFFECTS.flatMap((effect) => [`before ${effect}`, `after ${effect}`]),
    )
    assert.deepEqual(side.log, [
      'token',
      `GET (appId='${CLIENT}')`,
      `POST /${OBJECT_ID}/addPassword`,
      'token',
      'token',
      'token',
      `POST /${OBJECT_ID}/removePassword`,
    ])
    assert.deepEqual(side.clock.slept, [2_000, 2_000, 60_000])
    await assertDone(world)
  })

  it('does nothing while the secret is good for longer, unless it is asked to', async (t) => {
    const world = await prepared(t, 31)
    assert.deepEqual(await world.run(), {
      rotated: false,
      reason: 'not_due',
      keyId: world.first,
      expiresAtMs: START_MS + 31 * DAY_MS,
    })
    assert.equal(readFileSync(world.file, 'utf8'), 'first secret\n')
    const { rotated, reason } = await world.run({ force: true })
    assert.deepEqual([rotated, reason], [true, 'forced'])
    await assertDone(world)
  })

  for (const effect of EFFECTS) {
    it(`goes on where it was stopped after '${effect}', and the application gets tokens in between`, async (t) => {
      const world = await prepared(t)
      const { run, identity, side, options } = world
      let isStopped = false
      // As a process that dies at this point: nothing that comes after it is done.
      const storage = stoppable(options.file, () => isStopped)
      const lease = { lease: async () => true, release: async () => {} }
      side.interfere = ({ path }) =>
        isStopped && path.includes('/graph/') ? refusal(500, 'dead') : undefined
      const onStep = (step: RotationStep) => {
        isStopped ||= step.effect === effect && step.when === 'after'
      }
      const { file: _, ...others } = options
      const dying = rotateSecret({ ...others, storage, lease, onStep })
      if (effect === EFFECTS.at(-1)) await dying
      else await assert.rejects(dying)
      assert.equal(isStopped, true)
      side.interfere = () => undefined
      assert.ok(await identity.getToken('api://orders/.default', { forceRefresh: true }))
      const { reason } = await run()
      assert.equal(reason, effect === EFFECTS.at(-1) ? 'not_due' : 'resumed')
      await assertDone(world)
    })
  }

  it('has a new secret made that does not begin like another one', async (t) => {
    const world = await prepared(t)
    world.side.secrets.push('first and same', 'of the same')
    await world.run()
    assert.equal(world.side.log.filter((line) => line.endsWith('addPassword')).length, 3)
    await assertDone(world)
  })

  it('gives up on a directory whose secrets all begin alike, and leaves none behind', async (t) => {
    const { side, run } = await prepared(t)
    side.secrets.push(...Array.from({ length: 5 }, (_, index) => `first ${index}`))
    await assert.rejects(run(), {
      name: 'ProtocolError',
      code: 'secret_ambiguous',
      message:
        'Cannot rotate the client secret, as a new one must begin with other characters than the ones before: found the same 5 times',
    })
    assert.equal(side.passwords.length, 2)
  })

  it('removes none of two secrets that begin alike', async (t) => {
    const { side, first, run } = await prepared(t)
    const same = side.registerPassword('first or not', 400)
    await assert.rejects(run(), {
      name: 'CredentialError',
      code: 'secret_ambiguous',
      message: `Cannot rotate the client secret, as its first three characters must tell it from others of the application: found them on ${first}, ${same}`,
    })
    assert.equal(side.passwords.length, 3)
  })

  it('passes on that the application may not change its registration', async (t) => {
    const { side, run } = await prepared(t)
    side.interfere = ({ path }) =>
      path.endsWith('/addPassword') ? refusal(403, 'Authorization_RequestDenied') : undefined
    await assert.rejects(run(), { name: 'PermissionError', code: 'Authorization_RequestDenied' })
  })

  it('refuses to be without a name for its place', async (t) => {
    const { run } = await prepared(t)
    for (const owner of ['', 'x'.repeat(201)])
      await assert.rejects(run({ owner }), {
        name: 'ConfigurationError',
        code: 'rotation_option_invalid',
        message: `Cannot rotate the secret, as an owner of 1 to 200 characters is needed: found ${owner.length}`,
      })
  })
})

function stoppable(file: string, isStopped: () => boolean) {
  const files = credentialFiles(file)
  const alive = () => assert.equal(isStopped(), false, 'dead')
  return {
    load: (...args: Parameters<typeof files.load>) => files.load(...args),
    save: async (...args: Parameters<typeof files.save>) => {
      alive()
      await files.save(...args)
    },
    remove: async (...args: Parameters<typeof files.remove>) => {
      alive()
      await files.remove(...args)
    },
  }
}
