// Every validator behind one signature, each in its best documented mode, checking issuer, audience and lifetime.
import { JwtVerifier } from 'aws-jwt-verify'
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { AUDIENCE, ISSUER, KID, type Keys } from '../guard/tokens.ts'

/** Judges a token; what it finds bad it throws or rejects. */
export type Validate = (token: string) => unknown

export async function validators(keys: Keys): Promise<Readonly<Record<string, Validate>>> {
  const jwk = { ...keys.publicKey.export({ format: 'jwk' }), kid: KID, alg: 'RS256', use: 'sig' }
  const expected = { issuer: ISSUER, audience: AUDIENCE, algorithms: ['RS256'] as const }
  const key = await crypto.subtle.importKey(
    'jwk',
    jwk,
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    true,
    ['verify'],
  )
  const joseOptions = { ...expected, algorithms: ['RS256'] }
  const aws = JwtVerifier.create({ issuer: ISSUER, audience: AUDIENCE, jwksUri: `${ISSUER}/keys` })
  aws.cacheJwks({ keys: [jwk as Parameters<typeof aws.cacheJwks>[0]['keys'][number]] })
  return {
    'fast-jwt': fastJwt(keys, false),
    jose: (token) => jwtVerify(token, key, joseOptions),
    'aws-jwt-verify': (token) => aws.verify(token),
    jsonwebtoken: (token) => jsonwebtoken.verify(token, keys.publicKey, joseOptions),
    'express-oauth2-jwt-bearer': bearerMiddleware(keys),
  }
}

/** fast-jwt with its cache of 1,000 tokens, or without. */
export function fastJwt(keys: Keys, cache: boolean): Validate {
  return createVerifier({
    key: keys.publicPem,
    algorithms: ['RS256'],
    allowedIss: ISSUER,
    allowedAud: AUDIENCE,
    cache,
  })
}

/** The middleware, called without a server in front. */
function bearerMiddleware(keys: Keys): Validate {
  const middleware = auth({
    issuer: ISSUER,
    audience: AUDIENCE,
    publicKey: keys.publicPem,
    tokenSigningAlg: 'RS256',
  })
  return (token) =>
    new Promise<void>((resolve, reject) => {
      const headers: Record<string, string> = { authorization: `Bearer ${token}`, host: 'api.example' }
      const get = (name: string) => headers[name.toLowerCase()]
      const request = { headers, get, query: {}, method: 'GET', url: '/', protocol: 'https', is: () => false }
      middleware(request as never, {} as never, (error?: unknown) =>
        error === undefined ? resolve() : reject(error as Error),
      )
    })
}
