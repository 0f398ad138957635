"""Every page of every book in the narrowest window that WCAG asks for, under the policy of the guide."""

from site_scan import scan


def test_every_page_in_a_narrow_window(browser, origin, pages):
    faults = scan(browser, origin, pages, 320)
    assert not faults, "\n".join(faults)
