export { NotFoundScreen as ProfileScreen } from '#src/shell/other-screens.tsx'
