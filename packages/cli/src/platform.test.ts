// The platform as a command: what it says when it is ready, what it refuses, and what it writes down of its drills.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseEnv } from 'node:util'
import { hasStack, temporaryFolder, tomte } from './test-support.ts'

interface Ready {
  readonly login: string
  readonly ca: string
  readonly drills?: string
  readonly realHosts?: { readonly names: readonly string[]; readonly ca: string }
  readonly managedIdentity?: {
    readonly origin: string
    readonly identities: readonly { readonly kind: string; readonly name: string }[]
    readonly environmentFiles: Readonly<Record<string, string>>
  }
}

type Test = Parameters<typeof temporaryFolder>[0]

/** Starts the command and reads its document. */
async function started(t: Test, args: readonly string[]) {
  const data = join(await temporaryFolder(t), 'data')
  const running = tomte(t, ['platform', '--json', '--port=0', '--data', data, ...args])
  await running.prints(/"login":.*\n/)
  return { running, data, ready: JSON.parse(running.printed.stdout) as Ready }
}

/** Sends one request and returns the status of its answer. */
async function send(url: string, ca: string, method: string, body?: object, name?: string): Promise<number> {
  const trusted = await readFile(ca)
  return new Promise((resolve, reject) => {
    const headers = body ? { 'content-type': 'application/json' } : {}
    const named = name === undefined ? {} : { servername: name, headers: { ...headers, host: name } }
    const outgoing = request(url, { method, ca: trusted, headers, agent: false, ...named }, (incoming) => {
      incoming.resume().on('end', () => resolve(incoming.statusCode ?? 0))
    })
    outgoing.on('error', reject)
    outgoing.end(body && JSON.stringify(body))
  })
}

describe('tomte platform', () => {
  it('has neither drills nor managed identities unless it is told to', async (t) => {
    const { running, ready } = await started(t, [])
    assert.deepEqual(
      [ready.drills, ready.managedIdentity, ready.realHosts],
      [undefined, undefined, undefined],
    )
    assert.equal(await send(`${ready.login}/drills`, ready.ca, 'GET'), 404)
    running.child.kill('SIGTERM')
    assert.equal((await running.ended).code, 0)
  })

  it('takes the address of PostgreSQL from a variable that is named, and repeats no password', async (t) => {
    const data = join(await temporaryFolder(t), 'data')
    const unset = tomte(t, ['platform', '--data', data, '--database=TOMTE_NO_SUCH'])
    assert.deepEqual([(await unset.ended).code, unset.printed.stdout], [2, ''])
    assert.match(
      unset.printed.stderr,
      /^error: option '--database <url>' argument 'TOMTE_NO_SUCH' is invalid\. the environment variable TOMTE_NO_SUCH must hold an address of PostgreSQL\n/,
    )
    const password = crypto.randomUUID()
    const address = `mysql://tomte:${password}@db/name`
    const other = tomte(t, ['platform', '--data', data, '--json', '--database', address])
    assert.equal((await other.ended).code, 1)
    const { error } = JSON.parse(other.printed.stdout) as { readonly error: { readonly code: string } }
    assert.equal(error.code, 'database_address_invalid')
    assert.doesNotMatch(other.printed.stdout + other.printed.stderr, new RegExp(password))
  })

  it('with --drills has them, and writes down each command and nothing else', async (t) => {
    const { running, ready } = await started(t, ['--drills'])
    assert.equal(ready.drills, `${ready.login}/drills`)
    const fault = { target: 'token', kind: 'status', status: 503 }
    const { drills = '', ca } = ready
    assert.equal(await send(`${drills}/faults`, ca, 'POST', fault), 201)
    assert.equal(await send(`${ready.login}/contoso.example/oauth2/v2.0/token`, ca, 'POST'), 503)
    assert.equal(await send(`${drills}/clock`, ca, 'PUT', { now: '2030-01-01T00:00:00Z' }), 204)
    assert.equal(await send(`${drills}/clock`, ca, 'DELETE'), 204)
    assert.equal(await send(`${drills}/faults`, ca, 'DELETE'), 204)
    running.child.kill('SIGTERM')
    const { code, stderr } = await running.ended
    assert.equal(code, 0)
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      lines.map(({ level, msg }) => [level, msg]),
      [
        [40, 'drill: fault begun'],
        [40, 'drill: clock set'],
        [40, 'drill: clock returned to the machine'],
        [40, 'drill: faults ended'],
      ],
    )
    const { id, target, harm, rate } = lines[0] ?? {}
    assert.deepEqual(
      { id, target, harm, rate },
      { id: 1, target: 'token', harm: { kind: 'status', status: 503 }, rate: 1 },
    )
    assert.match(String(lines[1]?.['now']), /^2030-01-01T00:00:0\d\.\d{3}Z$/)
  })

  it('with --as-real-hosts answers to their names, under an authority of their own', async (t) => {
    const { running, ready } = await started(t, ['--as-real-hosts'])
    const { names = [], ca = '' } = ready.realHosts ?? {}
    assert.equal(names[0], 'login.microsoftonline.com')
    assert.notEqual(await readFile(ca, 'utf8'), await readFile(ready.ca, 'utf8'))
    const path = '/contoso.example/v2.0/.well-known/openid-configuration'
    assert.equal(await send(`${ready.login}${path}`, ca, 'GET', undefined, names[0]), 200)
    running.child.kill('SIGTERM')
    assert.equal((await running.ended).code, 0)
  })

  it('with --managed-identity names the endpoints and their environment files, and prints no secret', async (t) => {
    const args = ['--managed-identity=0', '--user-assigned', 'batch', '--user-assigned=mail']
    const { running, ready, data } = await started(t, args)
    const { origin, identities, environmentFiles } = ready.managedIdentity ?? {}
    assert.match(String(origin), /^http:\/\/localhost:\d+$/)
    assert.deepEqual(identities?.map(({ kind, name }) => `${kind} ${name}`).sort(), [
      'system tomte',
      'user batch',
      'user mail',
    ])
    const file = String(environmentFiles?.['app-service'])
    assert.equal(file, join(data, 'keys', 'managed-identity-app-service.env'))
    const variables = parseEnv(await readFile(file, 'utf8'))
    assert.equal(variables['IDENTITY_ENDPOINT'], `${origin}/app-service/msi/token`)
    running.child.kill('SIGTERM')
    const { code, stdout, stderr } = await running.ended
    assert.equal(code, 0)
    assert.equal((stdout + stderr).includes(String(variables['IDENTITY_HEADER'])), false)
  })

  it('ends with 1 and one message when an identity cannot be made', async (t) => {
    const data = join(await temporaryFolder(t), 'data')
    const args = ['--port=0', '--data', data, '--managed-identity=0', '--user-assigned', 'a b']
    const ended = await tomte(t, ['platform', ...args]).ended
    assert.deepEqual([ended.code, ended.stdout, hasStack(ended)], [1, '', false])
    const message =
      "Cannot make the managed identity 'a b', as its name needs 3 to 128 letters, digits, '_' and '-', and a letter or digit first\nNext: Choose another name\n"
    assert.equal(ended.stderr, message)
  })

  it('refuses a port for managed identities that cannot be one', async (t) => {
    const { code, stderr } = await tomte(t, ['platform', '--managed-identity=x']).ended
    const message =
      "error: option '--managed-identity [port]' argument 'x' is invalid. a whole number from 0 to 65535 is needed\n"
    assert.deepEqual([code, stderr.startsWith(message)], [2, true])
  })
})
