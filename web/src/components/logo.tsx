/** Logo, as in the page's icon. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" />
      <path d="M4 12V8M8 12V4M12 12V6.5" />
    </svg>
  );
}
