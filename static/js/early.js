// Runs before the page is drawn: lets the style sheet tell pages with and without script apart.
document.documentElement.classList.add("js");
