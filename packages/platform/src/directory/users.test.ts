// Users over the wire: what may be written, what comes back, and what is refused.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { assertGraphError, newUser, PASSWORD, World } from '../test-support.ts'
import { USER_PROPERTIES } from './properties.ts'

let world: World
before(async () => {
  world = await World.start()
})
after(() => world.remove())

const refused = async (method: string, path: string, body: unknown, message: string) =>
  assertGraphError(await world.graph(method, path, body), 400, 'Request_BadRequest', message)
const invalid = (name: string) => `Invalid value specified for property '${name}' of resource 'User'.`
const missing = (id: string) =>
  `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`

/** What a property may hold at most, and one more than that. */
const LIMITS: readonly (readonly [string, number])[] = Object.entries(USER_PROPERTIES)
  .filter(([name, { type, readOnly }]) => type !== 'flag' && !readOnly && name !== 'userPrincipalName')
  .map(([name, { lengthMax }]) => [name, lengthMax])

describe('POST /users', () => {
  it('returns the default properties of what it has made', async () => {
    const body = newUser('ada', {
      givenName: 'Ada',
      jobTitle: 'Engineer',
      businessPhones: ['+46 8 000'],
      employeeId: 'E-1',
      usageLocation: 'SE',
    })
    const answer = await world.graph('POST', '/users', body)
    const { id, ...rest } = answer.body
    assert.equal(answer.status, 201)
    assert.match(String(id), /^[0-9a-f-]{36}$/)
    assert.deepEqual(rest, {
      businessPhones: ['+46 8 000'],
      displayName: 'User ada',
      givenName: 'Ada',
      jobTitle: 'Engineer',
      mail: null,
      mobilePhone: null,
      officeLocation: null,
      preferredLanguage: null,
      surname: null,
      userPrincipalName: 'ada@contoso.example',
    })
    const all = await world.done(200, 'GET', `/users/${String(id)}?$select=*`)
    assert.deepEqual(all, {
      ...answer.body,
      accountEnabled: true,
      companyName: null,
      createdDateTime: `${new Date(world.clock.ms).toISOString().slice(0, 19)}Z`,
      department: null,
      employeeId: 'E-1',
      mailNickname: 'ada',
      usageLocation: 'SE',
    })
  })

  for (const name of ['accountEnabled', 'displayName', 'mailNickname', 'userPrincipalName']) {
    it(`needs ${name}, and not as null`, async () => {
      const { [name]: _, ...without } = newUser(`without-${name.toLowerCase()}`)
      await refused(
        'POST',
        '/users',
        without,
        `A value is required for property '${name}' of resource 'User'.`,
      )
      await refused('POST', '/users', { ...without, [name]: null }, invalid(name))
    })
  }

  for (const [name, max] of LIMITS) {
    it(`takes a ${name} of ${max} characters and refuses one more`, async () => {
      const fit = (length: number) => (name === 'businessPhones' ? ['x'.repeat(length)] : 'x'.repeat(length))
      const user = (length: number) => newUser(`l-${randomUUID()}`, { [name]: fit(length) })
      const made = await world.done(201, 'POST', '/users', user(max))
      const read = await world.done(200, 'GET', `/users/${String(made['id'])}?$select=${name}`)
      assert.deepEqual(read, { [name]: fit(max) })
      await refused('POST', '/users', user(max + 1), invalid(name))
      await refused('POST', '/users', user(0), invalid(name))
    })
  }

  it('refuses values of the wrong type, NUL and lone surrogates', async () => {
    for (const [name, value] of [
      ['displayName', 7],
      ['displayName', 'a\0b'],
      ['displayName', 'a\ud800b'],
      ['displayName', { toString: 'x' }],
      ['accountEnabled', 'true'],
      ['accountEnabled', 1],
      ['businessPhones', 'x'],
      ['businessPhones', ['1', '2']],
      ['businessPhones', [null]],
      ['jobTitle', ['x']],
    ] as const) {
      await refused('POST', '/users', newUser('typed', { [name]: value }), invalid(name))
    }
  })

  it('refuses properties that do not exist, or that only the directory sets', async () => {
    for (const name of ['shoeSize', 'toString', 'constructor', 'memberOf']) {
      const message = `Property '${name}' does not exist on type 'microsoft.graph.user'.`
      await refused('POST', '/users', newUser('odd', { [name]: 'x' }), message)
    }
    for (const name of ['id', 'createdDateTime']) {
      const message = `Property '${name}' is read-only and cannot be set.`
      await refused('POST', '/users', newUser('odd', { [name]: 'x' }), message)
    }
  })

  it('refuses a second user of the same principal name, in any case', async () => {
    await world.user('grace')
    const message = 'Another object with the same value for property userPrincipalName already exists.'
    await refused('POST', '/users', newUser('grace'), message)
    await refused('POST', '/users', newUser('GRACE'), message)
    const upper = newUser('x', { userPrincipalName: 'Grace@CONTOSO.example' })
    await refused('POST', '/users', upper, message)
  })

  it('refuses a domain that is not the tenant’s, and names that no mailbox could have', async () => {
    const domain =
      'The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.'
    for (const name of ['x@fabrikam.example', 'x@sub.contoso.example', 'x@contoso.example.'])
      await refused('POST', '/users', newUser('x', { userPrincipalName: name }), domain)
    for (const name of [
      'x',
      '@contoso.example',
      'a b@contoso.example',
      'a@b@contoso.example',
      'é@contoso.example',
    ])
      await refused('POST', '/users', newUser('x', { userPrincipalName: name }), invalid('userPrincipalName'))
    for (const name of ['a@b', 'a b', 'a"b', 'a,b', 'a[b', 'a;b'])
      await refused('POST', '/users', newUser('x', { mailNickname: name }), invalid('mailNickname'))
    await world.done(201, 'POST', '/users', newUser(`o'brien`))
    await world.done(201, 'POST', '/users', newUser('up', { userPrincipalName: 'up@CONTOSO.example' }))
  })

  it('refuses a weak password, and keeps none', async () => {
    const weak = 'The specified password does not comply with password complexity requirements.'
    for (const password of [
      '',
      'Aa1-x',
      'alllowercaseletters',
      'lowerand123',
      `Aa1-${'x'.repeat(253)}`,
      7,
      null,
    ])
      await refused('POST', '/users', newUser('weak', { passwordProfile: { password } }), weak)
    await refused('POST', '/users', newUser('weak', { passwordProfile: {} }), weak)
    const { passwordProfile: _, ...without } = newUser('weak')
    const required = "A value is required for property 'passwordProfile' of resource 'User'."
    await refused('POST', '/users', without, required)
    const force = { password: PASSWORD, forceChangePasswordNextSignIn: 'yes' }
    await refused(
      'POST',
      '/users',
      newUser('weak', { passwordProfile: force }),
      invalid('forceChangePasswordNextSignIn'),
    )
    await world.user('strong')
    const files = (await readdir(world.folder)).filter((name) => name.startsWith('platform.db'))
    assert.ok(files.length > 0)
    let found = false
    for (const name of files) {
      const bytes = await readFile(join(world.folder, name))
      found ||= bytes.includes('strong@contoso.example')
      assert.equal(bytes.includes(PASSWORD), false, name)
    }
    assert.equal(found, true, 'the user itself is in these files')
  })

  it('refuses a body that is no JSON object', async () => {
    const object = 'Unable to read JSON request payload. A JSON object is expected.'
    for (const body of [[], 'x', 7, null]) await refused('POST', '/users', body, object)
    const malformed = 'Unable to read the request: its body or headers are malformed.'
    const token = await world.token(await world.operator())
    const send = (type: string, body: string) =>
      world.send('/graph/v1.0/users', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, ...(type === '' ? {} : { 'content-type': type }) },
        body,
      })
    for (const [type, body, status] of [
      ['application/json', '{"a":', 400],
      ['application/json', '{"__proto__":{"x":1}}', 400],
      ['application/xml', '<a/>', 415],
      ['application/json', `{"a":"${'x'.repeat(5_000_000)}"}`, 413],
    ] as const) {
      assertGraphError(await send(type, body), status, 'Request_BadRequest', malformed)
    }
    for (const [type, body] of [
      ['text/plain', '{}'],
      ['application/json', ''],
    ] as const)
      assertGraphError(await send(type, body), 400, 'Request_BadRequest', object)
  })
})

describe('GET and PATCH /users/{id}', () => {
  it('find a user by id or principal name, in any case', async () => {
    const id = await world.user('linus')
    for (const name of [id, id.toUpperCase(), 'linus@contoso.example', 'LINUS@Contoso.Example'])
      assert.equal((await world.done(200, 'GET', `/users/${name}`))['id'], id)
    for (const name of [randomUUID(), 'nobody@contoso.example', 'x']) {
      const answer = await world.graph('GET', `/users/${name}`)
      assertGraphError(answer, 404, 'Request_ResourceNotFound', missing(name))
    }
  })

  it('return what $select names, and refuse what does not exist', async () => {
    const id = await world.user('margaret', { department: 'Guidance' })
    const selected = await world.done(200, 'GET', `/users/${id}?$select=department,%20id,id`)
    assert.deepEqual(selected, { department: 'Guidance', id })
    for (const name of ['shoeSize', '', 'toString', 'DISPLAYNAME']) {
      await refused(
        'GET',
        `/users/${id}?$select=id,${name}`,
        undefined,
        `Could not find a property named '${name}' on type 'microsoft.graph.user'.`,
      )
    }
  })

  it('change what was sent and nothing else', async () => {
    const id = await world.user('barbara', { jobTitle: 'Engineer', department: 'CLU' })
    const answer = await world.graph('PATCH', `/users/${id}`, { jobTitle: 'Professor', department: null })
    assert.deepEqual([answer.status, answer.text], [204, ''])
    const after = await world.done(200, 'GET', `/users/${id}?$select=jobTitle,department,displayName`)
    assert.deepEqual(after, { jobTitle: 'Professor', department: null, displayName: 'User barbara' })
  })

  it('refuse in a change what they refuse in a new user', async () => {
    const id = await world.user('frances')
    await world.user('taken')
    for (const [body, message] of [
      [{}, 'Write requests must contain at least one property to change.'],
      [{ shoeSize: 38 }, "Property 'shoeSize' does not exist on type 'microsoft.graph.user'."],
      [{ id: 'x' }, "Property 'id' is read-only and cannot be set."],
      [{ displayName: null }, invalid('displayName')],
      [{ mailNickname: 'a@b' }, invalid('mailNickname')],
      [{ userPrincipalName: 'no-domain' }, invalid('userPrincipalName')],
      [
        { userPrincipalName: 'Taken@contoso.example' },
        'Another object with the same value for property userPrincipalName already exists.',
      ],
      [
        { passwordProfile: { password: 'weak' } },
        'The specified password does not comply with password complexity requirements.',
      ],
      [{ jobTitle: 'Fellow', companyName: 'x'.repeat(65) }, invalid('companyName')],
    ] as const) {
      await refused('PATCH', `/users/${id}`, body, message)
    }
    const after = await world.done(200, 'GET', `/users/${id}?$select=jobTitle,mailNickname`)
    assert.deepEqual(after, { jobTitle: null, mailNickname: 'frances' })
    await world.done(204, 'PATCH', `/users/${id}`, { passwordProfile: { password: PASSWORD } })
    await world.done(204, 'PATCH', `/users/${id}`, { userPrincipalName: 'frances.allen@contoso.example' })
    const gone = await world.graph('GET', '/users/frances@contoso.example')
    assert.equal(gone.status, 404)
  })
})

describe('a user’s manager', () => {
  const link = (id: string) => ({ '@odata.id': `https://graph.microsoft.com/v1.0/users/${id}` })

  it('is set, read, replaced and removed', async () => {
    const [id, first, second] = [await world.user('m1'), await world.user('m2'), await world.user('m3')]
    const path = `/users/${id}/manager`
    assertGraphError(await world.graph('GET', path), 404, 'Request_ResourceNotFound', missing('manager'))
    for (const manager of [first, second, 'm2@contoso.example', encodeURIComponent('m3@contoso.example')]) {
      await world.done(204, 'PUT', `${path}/$ref`, link(manager))
      const { id: found, '@odata.type': type } = await world.done(200, 'GET', path)
      assert.equal(
        found,
        /m2|^/.test(manager) && (manager === first || manager.startsWith('m2')) ? first : second,
      )
      assert.equal(type, '#microsoft.graph.user')
    }
    const selected = await world.done(200, 'GET', `${path}?$select=displayName`)
    assert.deepEqual(selected, { '@odata.type': '#microsoft.graph.user', displayName: 'User m3' })
    const objects = { '@odata.id': `${world.platform.graphUrl}/directoryObjects/${first}` }
    await world.done(204, 'PUT', `${path}/$ref`, objects)
    await world.done(204, 'DELETE', `${path}/$ref`)
    assert.equal((await world.graph('GET', path)).status, 404)
  })

  it('is neither the user nor an unknown one, nor named by anything but a link', async () => {
    const id = await world.user('alone')
    const path = `/users/${id}/manager/$ref`
    await refused('PUT', path, link(id), 'A user cannot be their own manager.')
    const url = "Invalid URL format specified in '@odata.id'."
    for (const body of [
      {},
      { '@odata.id': id },
      { '@odata.id': 7 },
      { '@odata.id': `https://x/groups/${id}` },
      link('%E0%A4%A'),
      link('%'),
      link(''),
    ]) {
      await refused('PUT', path, body, url)
    }
    const unknown = randomUUID()
    const answer = await world.graph('PUT', path, link(unknown))
    assertGraphError(answer, 404, 'Request_ResourceNotFound', missing(unknown))
    for (const method of ['PUT', 'DELETE'])
      assert.equal((await world.graph(method, `/users/${unknown}/manager/$ref`, link(id))).status, 404)
  })
})
