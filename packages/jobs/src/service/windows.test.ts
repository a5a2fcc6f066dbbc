import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { spawnSync } from 'node:child_process'
import type { ServiceDefinition } from './definition.ts'
import { windowsService } from './windows.ts'

const SERVICE: ServiceDefinition = {
  name: 'tomte-provision',
  description: 'Joiners & leavers <every> "night"',
  command: [
    'C:\\Program Files\\nodejs\\node.exe',
    'C:\\app\\bin.js',
    'run',
    '--config',
    'C:\\my app\\',
    'say "hi"\\',
  ],
  workingFolder: 'C:\\app',
  environment: { AZURE_TENANT_ID: 'contoso.example', LABEL: `'a' & <b>` },
  graceSeconds: 30,
}
const DATA = 'C:\\ProgramData\\tomte provision'

const PARSE = `
import sys, json, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.read())
print(json.dumps([[e.tag, e.text, e.attrib] for e in root]))
`
const noPython =
  spawnSync('python3', ['--version']).status !== 0 && 'python3, whose XML parser reads it, is not installed'

describe('windowsService', () => {
  it('is XML from which another parser reads every value as it was', { skip: noPython }, () => {
    const { definition } = windowsService(SERVICE, DATA)
    const { stdout, stderr } = spawnSync('python3', ['-c', PARSE], { input: definition, encoding: 'utf8' })
    assert.equal(stderr, '')
    const elements = JSON.parse(stdout) as readonly (readonly [
      string,
      string | null,
      Record<string, string>,
    ])[]
    const text = (name: string) => elements.find(([tag]) => tag === name)?.[1]
    assert.deepEqual(['id', 'description', 'executable', 'stoptimeout'].map(text), [
      'tomte-provision',
      SERVICE.description,
      SERVICE.command[0],
      '45 sec',
    ])
    // By the rules of CommandLineToArgvW.
    assert.equal(text('arguments'), 'C:\\app\\bin.js run --config "C:\\my app\\\\" "say \\"hi\\"\\\\"')
    const variables = elements.filter(([tag]) => tag === 'env').map(([, , attributes]) => attributes)
    assert.deepEqual(variables, [
      { name: 'AZURE_TENANT_ID', value: 'contoso.example' },
      { name: 'LABEL', value: `'a' & <b>` },
    ])
  })

  it('comes with the commands that give it an account of its own, its folder, and restarts', () => {
    assert.deepEqual(windowsService(SERVICE, DATA).commands, [
      'tomte-provision.exe install',
      'sc.exe config tomte-provision obj= "NT SERVICE\\tomte-provision"',
      'sc.exe sidtype tomte-provision unrestricted',
      'sc.exe failure tomte-provision reset= 600 actions= restart/5000/restart/30000/restart/60000',
      'sc.exe failureflag tomte-provision 1',
      'cmd.exe /c mkdir "C:\\ProgramData\\tomte provision"',
      'icacls.exe "C:\\ProgramData\\tomte provision" /inheritance:r /grant "NT SERVICE\\tomte-provision:(OI)(CI)M" "*S-1-5-32-544:(OI)(CI)F"',
      'sc.exe start tomte-provision',
    ])
  })

  const refused: readonly (readonly [string, Partial<ServiceDefinition>])[] = [
    ['what WinSW would replace', { environment: { LABEL: 'a %PATH% b' } }],
    ['paths of another system', { workingFolder: '/opt/app' }],
    ['half a character', { description: '\uD800' }],
    ['a line break', { description: 'a\nb' }],
    ['a secret in clear', { environment: { AZURE_CLIENT_SECRET: 'hush' } }],
  ]
  for (const [what, changed] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => windowsService({ ...SERVICE, ...changed }, DATA), {
        name: 'JobError',
        code: what.startsWith('a secret') ? 'service_secret_in_clear' : 'service_unusable',
        message: /^Cannot describe the service/,
      })
    })
  }
})
