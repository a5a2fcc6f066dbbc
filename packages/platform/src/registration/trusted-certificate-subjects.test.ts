// Which names of certificates an application may trust, and which authorities a tenant.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import * as x509 from '@peculiar/x509'
import { type App, assertGraphError, type Json, World } from '../test-support.ts'
import { certificateMaker, type Made, type Wanted } from '../token/certificate-test-support.ts'

const CONFIGURATIONS = '/directory/certificateAuthorities/certificateBasedApplicationConfigurations'
const NAME = 'daemon.contoso.example'
const SUBJECT = `CN=${NAME}`
const SIGNS = x509.KeyUsageFlags.keyCertSign

let world: World
let app: App
let make: (wanted: Wanted) => Promise<Made>
let root: Made
let intermediate: Made
let leaf: Made
let authorityId: string

before(async () => {
  world = await World.start()
  make = certificateMaker(world.clock.ms)
  root = await make({ subject: 'CN=Contoso Root', ca: true, usage: SIGNS })
  intermediate = await make({ subject: 'CN=Contoso Issuing', issuer: root, ca: true, usage: SIGNS })
  leaf = await make({ subject: SUBJECT, issuer: intermediate })
  authorityId = await configure()
  app = await world.register(leaf, { keyCredentials: [], trustedCertificateSubjects: [trusted()] })
})
after(() => world.remove())

const trusted = (changes: Json = {}): Json => ({ authorityId, subjectName: NAME, ...changes })

async function configure(): Promise<string> {
  const { id } = await world.done(201, 'POST', CONFIGURATIONS, {
    displayName: 'Contoso',
    trustedCertificateAuthorities: [{ isRootAuthority: true, certificate: root.der }],
  })
  return String(id)
}

describe('trust in names', () => {
  it('is nothing that is there unasked, and is shown as it was stated', async () => {
    const { trustedCertificateSubjects: none } = await world.done(201, 'POST', '/applications', {
      displayName: 'x',
    })
    assert.deepEqual(none, [])
    const shown = await world.done(200, 'GET', `/applications/${app.objectId}`)
    assert.deepEqual(shown['trustedCertificateSubjects'], [trusted()])
  })

  it('is refused in an authority that the tenant does not have, and in what is no name', async () => {
    const unknown = randomUUID()
    const state = (subject: Json) =>
      world.graph('PATCH', `/applications/${app.objectId}`, { trustedCertificateSubjects: [subject] })
    assertGraphError(
      await state(trusted({ authorityId: unknown })),
      400,
      'Request_BadRequest',
      `The authorityId '${unknown}' of a trusted certificate subject is no certificateBasedApplicationConfiguration of this tenant.`,
    )
    for (const subject of [
      { authorityId },
      { subjectName: NAME },
      trusted({ subjectName: '' }),
      trusted({ subjectName: ` ${NAME}` }),
      trusted({ authorityId: 'x' }),
      trusted({ subjectPattern: '*' }),
    ])
      assertGraphError(
        await state(subject),
        400,
        'Request_BadRequest',
        "Invalid value specified for property 'trustedCertificateSubjects'.",
      )
  })

  it('keeps the authorities that it needs', async () => {
    assertGraphError(
      await world.graph('DELETE', `${CONFIGURATIONS}/${authorityId}`),
      400,
      'Request_BadRequest',
      `The authorities '${authorityId}' cannot be deleted while an application trusts a subject of theirs.`,
    )
    const unused = await configure()
    await world.done(204, 'DELETE', `${CONFIGURATIONS}/${unused}`)
  })

  it('takes authorities alone, of which one has issued itself', async () => {
    const send = (list: unknown) =>
      world.graph('POST', CONFIGURATIONS, { displayName: 'x', trustedCertificateAuthorities: list })
    const one = (made: Made, isRootAuthority: unknown = true) => ({ isRootAuthority, certificate: made.der })
    const own = await make({ subject: SUBJECT, keys: leaf.keys })
    for (const [list, message] of [
      [[], "Property 'trustedCertificateAuthorities' must be a list of 1 to 10."],
      [undefined, "Property 'trustedCertificateAuthorities' must be a list of 1 to 10."],
      [Array(11).fill(one(root)), "Property 'trustedCertificateAuthorities' must be a list of 1 to 10."],
      [[one(intermediate, false)], "One of 'trustedCertificateAuthorities' must be a root authority."],
      [
        [one(intermediate)],
        "A root authority, and no other, has issued its own certificate ('isRootAuthority').",
      ],
      [
        [one(own)],
        `The certificate '${SUBJECT}' cannot be trusted: it is no certificate authority (basicConstraints).`,
      ],
      [[one(root, 'yes')], "Property 'isRootAuthority' must be true or false."],
      [
        [{ isRootAuthority: true, certificate: root.certificate }],
        "Property 'certificate' must be a DER certificate of at most 6 kB in base64.",
      ],
    ] as const)
      assertGraphError(await send(list), 400, 'Request_BadRequest', message)
    const { trustedCertificateAuthorities: shown } = await world.done(
      200,
      'GET',
      `${CONFIGURATIONS}/${authorityId}`,
    )
    assert.deepEqual(shown, [
      {
        isRootAuthority: true,
        certificate: root.der,
        issuer: 'CN=Contoso Root',
        issuerSubjectKeyIdentifier: '',
      },
    ])
  })
})
