export { NotFoundScreen as DevelopersScreen } from '#src/shell/other-screens.tsx'
