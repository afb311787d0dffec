import Type from 'typebox'
import { momentText, nullable, oneOf, patternText, plainText } from '#src/adapters/http/schema.ts'

/** What a logo may be; SVG can hold scripts. Source: portal 11. */
export const LOGO_TYPES = ['image/png', 'image/webp'] as const
export const LOGO_BYTES_MAX = 100_000
/** Base64 of so many bytes. */
const LOGO_TEXT_MAX = Math.ceil(LOGO_BYTES_MAX / 3) * 4

const accent = patternText(/^#[0-9a-fA-F]{6}$/, '# and six hexadecimal digits')
const radius = Type.Integer({ minimum: 0, maximum: 16, description: 'Of corners, CSS pixels.' })

/** How the portal of an account looks; null: as it comes. */
export const BrandingOut = Type.Object(
  {
    name: nullable(Type.String()),
    accent: nullable(accent),
    radius: nullable(radius),
    hasLogo: Type.Boolean({ description: '`GET A/settings/logo` has it.' }),
  },
  { title: 'PortalBranding' },
)

/** `GET A/settings` (ViewBase), `PATCH A/settings` (ManageAccount). */
export const AccountSettingsOut = Type.Object(
  {
    timeZone: nullable(Type.String({ description: 'An IANA name; null: that of each reader’s browser.' })),
    branding: BrandingOut,
    updatedAt: nullable(momentText()),
  },
  { title: 'AccountSettingsOut' },
)

/** What is absent stays, null goes back to what it comes with. */
export const AccountSettingsPatch = Type.Object(
  {
    timeZone: Type.Optional(nullable(plainText(64, 1))),
    name: Type.Optional(nullable(plainText(64, 1))),
    accent: Type.Optional(nullable(accent)),
    radius: Type.Optional(nullable(radius)),
  },
  { title: 'AccountSettingsPatch' },
)

/** `GET A/settings/logo`, exactly as it was put: `data:${contentType};base64,${data}` is an image's source. */
export const LogoOut = Type.Object(
  { contentType: oneOf(LOGO_TYPES), data: Type.String({ description: 'Base64.' }) },
  { title: 'LogoOut' },
)
/** `PUT A/settings/logo`. */
export const LogoIn = Type.Object(
  {
    contentType: oneOf(LOGO_TYPES),
    data: Type.String({ minLength: 1, maxLength: LOGO_TEXT_MAX, description: 'Base64 of at most 100,000 bytes.' }),
  },
  { title: 'LogoIn' },
)
