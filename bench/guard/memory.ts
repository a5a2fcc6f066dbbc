// Whether memory stays flat while a million tokens pass, of which ten thousand are remembered.
import { generateKeyPairSync, sign } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createGuard } from '@tomte/guard'
import { type Row, row } from '../row.ts'
import { AUDIENCE, claims, ROLE } from './tokens.ts'

const TOKENS = 1_000_000
const WARM = 100_000
const AGAIN_EVERY = 4
const ISSUER = 'https://as.example'
const LIMIT_MB = 8

/** The keys are Ed25519: a million RSA signatures would take as long as all else here together. */
export async function flatMemory(): Promise<Row[]> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const guard = createGuard({
    audience: [AUDIENCE],
    issuers: [
      { issuer: ISSUER, kind: 'at+jwt', keys: { find: () => ({ key: publicKey }) }, algorithms: ['EdDSA'] },
    ],
  })
  const header = Buffer.from('{"alg":"EdDSA","kid":"k","typ":"at+jwt"}').toString('base64url')
  const used = () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return (heapUsed + external) / 1024 / 1024
  }
  const facts = claims(0)
  let warmMb = 0
  for (let number = 0; number < TOKENS; number++) {
    const payload = JSON.stringify({ ...facts, iss: ISSUER, client_id: 'a', sub: 'a', jti: String(number) })
    const content = `${header}.${Buffer.from(payload).toString('base64url')}`
    const signature = sign(null, Buffer.from(content), privateKey).toString('base64url')
    // A token is kept when it comes again: every fourth does, which fills the memory 25 times over. All of them would take two minutes more.
    for (let times = number % AGAIN_EVERY === 0 ? 2 : 1; times > 0; times--)
      await guard.admit(`Bearer ${content}.${signature}`, [ROLE])
    if (number === WARM) warmMb = used()
  }
  return [
    row({
      what: '1,000,000 tokens, every fourth twice, 10,000 remembered: growth after the first 100,000',
      ours: Math.max(0, used() - warmMb),
      theirs: LIMIT_MB,
      against: 'limit',
      unit: 'MB',
      goal: `<= ${LIMIT_MB}`,
    }),
  ]
}
